import type { Job } from "./job.ts";

/**
 * So many steps of writes are a part, or a few more, or so many bytes of them, or a single write. However
 * much clients send at once, others are heard and answered between: twenty writes of a thousand steps, or
 * eight lists of a hundred thousand numbers, would keep the loop for more than 100 ms.
 */
const PART_STEPS = 250;
const PART_BYTES = 65_536;

/** What is to be decided, in its order. */
export class ReadyJobs {
  readonly #jobs = new Set<Job>();
  /** In the order in which they came: mostly one, and the first is mostly the first to go. */
  readonly #byClient = new Map<string, Job[]>();

  get size(): number {
    return this.#jobs.size;
  }

  [Symbol.iterator](): IterableIterator<Job> {
    return this.#jobs.values();
  }

  push(job: Job): void {
    this.#jobs.add(job);
    if (job.client === null) return;
    const { clientId } = job.client;
    const jobs = this.#byClient.get(clientId);
    if (jobs === undefined) this.#byClient.set(clientId, [job]);
    else jobs.push(job);
  }

  /** Takes jobs from the front for as long as `isWanted` says so, which is asked of each once. */
  take(isWanted: (job: Job) => boolean): Job[] {
    const taken: Job[] = [];
    for (const job of this.#jobs) {
      if (!isWanted(job)) break;
      this.#delete(job);
      taken.push(job);
    }
    return taken;
  }

  /** Takes as much as may be decided before a look at the clock. What `isCostly` is a part by itself. */
  takePart(isCostly: (job: Job) => boolean): Job[] {
    let [steps, bytes] = [0, 0];
    return this.take((job) => {
      if (steps >= PART_STEPS || bytes >= PART_BYTES) return false;
      steps += Math.max(1, job.operations.length);
      if (isCostly(job)) steps += PART_STEPS;
      bytes += job.bytes ?? 0;
      return true;
    });
  }

  takeAll(): Job[] {
    return this.take(() => true);
  }

  /** Takes those of a client that `isWanted` says. It takes as long as this client has jobs. */
  takeOf(clientId: string, isWanted: (job: Job) => boolean): Job[] {
    const taken = (this.#byClient.get(clientId) ?? []).filter(isWanted);
    for (const job of taken) this.#delete(job);
    return taken;
  }

  #delete(job: Job): void {
    this.#jobs.delete(job);
    if (job.client === null) return;
    const { clientId } = job.client;
    const jobs = this.#byClient.get(clientId);
    if (jobs?.[0] === job) jobs.shift();
    else jobs?.splice(jobs.indexOf(job), 1);
    if (jobs?.length === 0) this.#byClient.delete(clientId);
  }
}
