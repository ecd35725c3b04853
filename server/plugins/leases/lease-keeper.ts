import { SyncError, type CheckedChange, type HostedWorld, type SyncObject } from "../../index.ts";
import { equalValues, type Value } from "../../../lib/index.ts";
import { AwakeClock, type Time } from "./awake-clock.ts";
import {
  COUNTER_ID,
  isRequestId,
  leaseIdOf,
  requestOf,
  type LeaseRequest,
} from "./lease-request.ts";
import { Requests } from "./requests.ts";

/** The server is over, or its world is another's: nothing is to be done here any more. */
const OVER: ReadonlySet<string> = new Set(["closed", "deposed"]);
/** Things are not as they were when it was planned. */
const OUTRUN: ReadonlySet<string> = new Set(["exists", "gone", "not_found", "refused"]);

/**
 * Brings about, for each lease, what the requests for it ask for: that the oldest of them has it. It
 * looks at the world and writes what is lacking, in one transaction; so it can begin anywhere, as
 * after another server, and whatever fails is tried again with the next tick.
 */
export class LeaseKeeper {
  readonly requests: Requests;
  readonly #world: HostedWorld;
  readonly #clock: AwakeClock;
  /** Leases that are attended to, and whether to look again after that. */
  readonly #busy = new Map<string, boolean>();
  readonly #expiring = new Set<string>();
  #lastTicket = 0;
  #isOpen = false;

  /** `time` is the real one unless given. */
  constructor(world: HostedWorld, time?: Time) {
    this.#world = world;
    this.#clock = new AwakeClock(() => this.#tick(), time);
    this.requests = new Requests(this.#clock);
  }

  /** To be called at once. Clients that have leases get all of their time to live from here on. */
  async begin(): Promise<void> {
    this.#world.on("change", (ids) => {
      for (const id of ids) if (isRequestId(id)) this.#changed(id);
    });
    await this.#world.opened();
    this.#isOpen = true;
    const all = [...this.#world.allObjects().values()];
    this.#lastTicket = ticketOf(this.#world.get(COUNTER_ID));
    // Those without a ticket came last, and whose they are was not noted: their clients ask anew.
    const requests = all.filter(({ id }) => isRequestId(id)).map(requestOf);
    requests.sort((a, b) => (a.ticket ?? Infinity) - (b.ticket ?? Infinity));
    for (const request of requests) this.requests.add(request);
    const held = all.filter(({ id }) => id.startsWith(leaseIdOf("")));
    const names = held.map(({ id }) => id.slice(leaseIdOf("").length));
    for (const name of new Set([...this.requests.names, ...names])) this.#attend(name);
    if (this.requests.size > 0) this.#clock.start();
  }

  /** Whether a request that is being ended has been renewed at the last moment. */
  readonly check = (change: CheckedChange): void => {
    const { id, world, session, kind } = change;
    if (world !== this.#world.name || session !== null || kind !== "update") return;
    if (!isRequestId(id) || change.changes["isExpired"] !== true) return;
    if (this.requests.restMs(id) > 0) throw new SyncError("refused", "it was renewed", { id });
  };

  /** A request was made or destroyed, perhaps silently, or both; or it is as it was. */
  #changed(id: string): void {
    const object = this.#world.get(id);
    const request = object && requestOf(object);
    if (!this.#isOpen || (request !== undefined && this.requests.has(request))) return;
    const gone = this.requests.remove(id);
    if (gone !== undefined) this.#attend(gone);
    if (request !== undefined) {
      this.requests.add(request);
      this.#clock.start();
      this.#attend(request.name);
    }
    if (this.requests.size === 0) this.#clock.stop();
  }

  #tick(): void {
    this.requests.forgetExpected((id) => this.#world.get(id) !== undefined);
    for (const id of this.requests.overdue()) void this.#expire(id);
    for (const name of this.requests.names) this.#attend(name);
    if (this.requests.size === 0) this.#clock.stop();
  }

  async #expire(id: string): Promise<void> {
    if (this.#expiring.has(id)) return;
    this.#expiring.add(id);
    const ending = this.#world.transaction((tx) => {
      tx.update({ id, isExpired: true }); // so that `check` is asked
      tx.destroy(id);
    });
    await this.#isOutrun(ending);
    this.#expiring.delete(id);
  }

  #attend(name: string): void {
    if (this.#busy.has(name)) this.#busy.set(name, true);
    else void this.#attendUntilDone(name);
  }

  async #attendUntilDone(name: string): Promise<void> {
    do {
      this.#busy.set(name, false);
      await this.#settle(name);
    } while (this.#busy.get(name) === true);
    this.#busy.delete(name);
  }

  /** Writes what is lacking, if anything is. */
  async #settle(name: string): Promise<void> {
    const changes = this.#changesOf(name);
    if (changes === undefined) return;
    const leaseId = leaseIdOf(name);
    const { holder } = changes;
    const before = this.#world.get(leaseId);
    const after = holder === undefined ? undefined : leaseOf(leaseId, holder);
    const isSame = areEqual(before, after);
    if (isSame && changes.requests.length === 0) return;
    const isCounted = this.#world.get(COUNTER_ID) !== undefined;
    const ticket = this.#lastTicket;
    const writing = this.#world.transaction((tx) => {
      if (isCounted) tx.update({ id: COUNTER_ID, ticket });
      else tx.create({ id: COUNTER_ID, ticket });
      for (const change of changes.requests) tx.update(change);
      if (after === undefined) tx.destroy(leaseId);
      else if (before === undefined) tx.create(after);
      else tx.update({ note: undefined, ...after });
    });
    if (await this.#isOutrun(writing)) this.#busy.set(name, true);
  }

  /** Undefined when that cannot be told now. */
  #changesOf(name: string): Lacking | undefined {
    const requests: Update[] = [];
    let holder: LeaseRequest | undefined;
    for (const id of this.requests.idsOf(name)) {
      const object = this.#world.get(id);
      // It is being destroyed, and the store may still refuse that: two would have the lease.
      if (object === undefined) return undefined;
      const request = requestOf(object);
      const owner = this.requests.ownerOf(id);
      if (request.refusedMs !== undefined || owner === undefined) continue;
      const ticket = request.ticket ?? ++this.#lastTicket;
      const isFirst = holder === undefined;
      if (isFirst) holder = { ...request, ticket };
      const update = {
        id,
        ...(request.ticket === undefined && { ticket, owner }),
        ...(isFirst && request.fence === undefined && { fence: ticket }),
        ...(!isFirst && this.#isWaitOver(request) && { refusedMs: this.#restOf(holder) }),
      };
      if (Object.keys(update).length > 1) requests.push(update);
    }
    return { holder, requests };
  }

  #isWaitOver({ id, waitMs }: LeaseRequest): boolean {
    return waitMs !== undefined && this.requests.ageMs(id) >= waitMs;
  }

  /** At least 1: it is not over yet. */
  #restOf(holder: LeaseRequest | undefined): number {
    return Math.max(1, holder === undefined ? 0 : this.requests.restMs(holder.id));
  }

  /** Whether things are not as they were. What fails otherwise is tried again with the next tick. */
  async #isOutrun(writing: Promise<unknown>): Promise<boolean> {
    try {
      await writing;
      return false;
    } catch (cause) {
      const error = cause as SyncError;
      if (OUTRUN.has(error.code)) return true;
      if (OVER.has(error.code)) this.#clock.stop();
      else if (error.code !== "unavailable") this.#world.report(error); // which is told already
      return false;
    }
  }
}

interface Lacking {
  /** Who is to have the lease. */
  readonly holder: LeaseRequest | undefined;
  /** What is to be written into requests. */
  readonly requests: readonly Update[];
}

type Update = { readonly id: string } & Readonly<Record<string, Value>>;

function leaseOf(id: string, { id: holder, ticket = 0, ttlMs, note }: LeaseRequest): Update {
  return { id, holder, fence: ticket, ttlMs, ...(note !== undefined && { note }) };
}

function areEqual(before: SyncObject | undefined, after: Update | undefined): boolean {
  if (before === undefined || after === undefined) return before === after;
  return equalValues({ ...before }, { ...after });
}

function ticketOf(counter: SyncObject | undefined): number {
  const ticket = counter?.["ticket"];
  return typeof ticket === "number" ? ticket : 0;
}
