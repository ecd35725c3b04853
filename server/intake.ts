import { SyncError } from "../lib/errors.ts";
import type { ObjectId } from "../lib/object.ts";
import type { World } from "../lib/world.ts";
import type { ChangeChecks } from "./change-checks.ts";
import type { Examiner } from "./examiner.ts";
import type { HandlerGate } from "./handler-gate.ts";
import type { Handlers } from "./handlers.ts";
import type { Job, Writer } from "./job.ts";
import type { Judge } from "./judge.ts";
import { KeyedQueue } from "./keyed-queue.ts";
import type { Ledger } from "./ledger.ts";
import type { Sessions } from "./sessions.ts";

export interface IntakeOptions {
  /** The world's name, and the application's. */
  readonly name: string;
  readonly world: World;
  readonly ledger: Ledger;
  readonly sessions: Sessions;
  readonly handlers: Handlers;
  readonly checks: ChangeChecks;
  readonly examiner: Examiner;
  readonly judge: Judge;
  readonly gate: HandlerGate;
  /** Whether nothing is decided here any more. */
  readonly isClosed: () => boolean;
  /** A job may be decided; what comes after it on the same objects waits until it is. */
  readonly onReady: (job: Job) => void;
  readonly onIdle: () => void;
}

/**
 * Where writes wait until the handlers have answered: those of one client and those about one object one
 * after the other, all others side by side. Without handlers they pass at once.
 */
export class Intake {
  readonly #options: IntakeOptions;
  readonly #queue = new KeyedQueue();
  #inHandlers = 0;
  readonly #consulted = new Set<Job>();

  constructor(options: IntakeOptions) {
    this.#options = options;
  }

  get isBusy(): boolean {
    return this.#inHandlers > 0;
  }

  /** What handlers are asked about, or will be. */
  get jobs(): Iterable<Job> {
    return this.#consulted;
  }

  take(job: Job): void {
    const { handlers, examiner, onReady } = this.#options;
    // The last handler may be taken away while it is still asked about what comes before.
    if (Object.keys(handlers).length === 0 && !this.isBusy) {
      onReady(job);
      return;
    }
    const keys = examiner.touchedBy(job).map((id) => objectKey(examiner.finalId(id, job)));
    if (job.client !== null) keys.push(`client ${job.client.clientId}`);
    this.#inHandlers += 1;
    this.#consulted.add(job);
    void this.#queue.run(keys, () => this.#consult(job));
  }

  /** Has the fetch handler asked what it knows of these objects. Throws why that failed. */
  async bringIn(ids: readonly ObjectId[], writer: Writer, isRefresh: boolean): Promise<void> {
    const { handlers, sessions, examiner, onIdle } = this.#options;
    if (handlers.fetch === undefined) return;
    this.#inHandlers += 1;
    let problem: SyncError | undefined;
    await this.#queue.run(ids.map(objectKey), async () => {
      // Who has gone in the meantime hears no answer, and asks again when it is back.
      if (writer !== null && sessions.named(writer.id) === undefined) return;
      try {
        await this.#load(ids, writer, isRefresh);
      } catch (error) {
        problem = examiner.toProblem(error);
      }
    });
    this.#inHandlers -= 1;
    onIdle();
    if (problem !== undefined) throw problem;
  }

  /** Who waits for an object under its provisional id comes before who knows it by its own. */
  rename(from: ObjectId, to: ObjectId): void {
    this.#queue.join(objectKey(from), objectKey(to));
  }

  /** Runs the handlers, and holds back what comes after on the same objects until it is decided. */
  async #consult(job: Job): Promise<void> {
    const { name, world, checks, examiner, gate, isClosed, onReady } = this.#options;
    examiner.identify(job);
    try {
      job.isOutdated = !examiner.isUpToDate(job);
      // A world that has closed meanwhile, or was taken over, decides nothing any more.
      const isTaken = job.problem === undefined && !job.isOutdated && !isClosed();
      if (isTaken && this.#isNext(job)) {
        // Before the application's database can hear of it.
        await this.#bringInToJudge(job);
        examiner.check(job, true);
        checks.runBeforeHandlers(job.operations, name, job.writer, world);
        if (examiner.isEnded(job)) job.isOutdated = true;
        else Object.assign(job, await gate.consult(job.operations, job.writer, job.client));
      }
    } catch (error) {
      job.problem = examiner.toProblem(error);
    }
    this.#inHandlers -= 1;
    this.#consulted.delete(job);
    await new Promise<void>((resolve) => {
      onReady({
        ...job,
        settle(outcome, commit) {
          job.settle(outcome, commit);
          resolve();
        },
        drop() {
          job.drop?.();
          resolve();
        },
        isConsulted: true,
      });
    });
  }

  /** Handlers must not see a retry, nor what will come again because something before it is missing. */
  #isNext({ client }: Job): boolean {
    return client === null || client.n === this.#options.ledger.nextOf(client);
  }

  /** What a write becomes, and who may make it, depends on what is there, and only a fetch handler may know that. */
  async #bringInToJudge(job: Job): Promise<void> {
    const { handlers, examiner } = this.#options;
    if (handlers.fetch === undefined) return;
    const ids = examiner.toBringIn(job);
    if (ids.length > 0) await this.#load(ids, job.writer, false);
  }

  async #load(ids: readonly ObjectId[], writer: Writer, isRefresh: boolean): Promise<void> {
    const { gate, judge, onReady } = this.#options;
    const isHidden = (id: ObjectId): boolean => writer !== null && judge.hides(writer, id);
    const operations = isRefresh
      ? await gate.refresh(ids, writer)
      : await gate.load(ids, writer, isHidden);
    if (operations.length === 0) return;
    await new Promise<void>((resolve, reject) => {
      onReady({
        writer: null,
        client: null,
        operations,
        // What only now is heard of was not created now; what a refresh finds is news.
        silent: new Set(isRefresh ? [] : operations.map(({ id }) => id)),
        settle(outcome) {
          if (outcome.kind === "rejected") reject(SyncError.from(outcome.error));
          else resolve();
        },
      });
    });
  }
}

function objectKey(id: ObjectId): string {
  return `object ${id}`;
}
