import { Client } from "../../client/client.ts";
import { resolveOptions } from "../../client/options.ts";
import { Leases, type Lease } from "../../client/plugins/leases/index.ts";
import type { ObjectSyncLike } from "../../client/index.ts";
import { CLIENT_LIMITS, type ClientLimits } from "../../lib/limits.ts";
import type { SyncError } from "../../lib/errors.ts";
import { newProcess, type Context } from "./context.ts";
import { guardedId, leaseName } from "./guarded.ts";
import type { Claim, LeaseOracle } from "./lease-oracle.ts";
import type { LeaseScenario } from "./lease-scenario.ts";
import { surroundingsOf } from "./lease-time.ts";
import type { SimProcess } from "./process.ts";
import type { SeededRandom } from "./random.ts";

/** Of how many leases it may be in want at once. */
const JOBS_MAX = 2;
/** How far the clock of a process may be ahead. */
const SLACK_MS = 100;
/** Of what a request for a lease may fail, when everything is as it should be. */
const LOCK_CODES: ReadonlySet<string> = new Set(["closed", "locked", "timeout", "uncertain"]);
/** And a write by a lease. */
const WRITE_CODES: ReadonlySet<string> = new Set([
  "closed",
  "conflict",
  "gone",
  "handler_failed",
  "lease_lost",
  "not_found",
  "refused",
  "timeout",
  "unavailable",
  "uncertain",
]);

/** A lease that a worker has, or has had. */
interface Holding {
  readonly lease: Lease;
  readonly claim: Claim;
  isReleased: boolean;
  isLost: boolean;
  /** A write by it was refused, as it was lost. */
  isRefused: boolean;
}

/** One life of a client that does something one at a time: it asks for a lease, writes by it, lets it go. */
export class LeaseWorker {
  readonly key: string;
  readonly process: SimProcess;
  readonly #context: Context;
  readonly #scenario: LeaseScenario;
  readonly #oracle: LeaseOracle;
  readonly #random: SeededRandom;
  readonly #client: Client;
  readonly #holdings = new Set<Holding>();
  #jobs = 0;
  /** Writes by leases that are not decided. */
  #writing = 0;
  #written = 0;
  #isClosed = false;
  /** It has given up what may have been done: then it may take for lost what it has. */
  #hasDiscarded = false;

  constructor(
    context: Context,
    scenario: LeaseScenario,
    oracle: LeaseOracle,
    name: string,
    life: number,
  ) {
    this.key = `${name}-${life}`;
    this.#context = context;
    this.#scenario = scenario;
    this.#oracle = oracle;
    this.process = newProcess(context, this.key);
    const random = context.random.fork(`${this.key} worker`);
    this.#random = random;
    const names = new Set(Object.keys(CLIENT_LIMITS));
    const limits = Object.entries(context.limits).filter(([limit]) => names.has(limit));
    const options = {
      autoConnect: false,
      auth: this.key,
      optimistic: !random.chance(scenario.pessimistChance),
      limits: Object.fromEntries(limits) as Partial<ClientLimits>,
    };
    this.#client = new Client(resolveOptions(options), {
      environment: this.process.environment,
      connect: context.network.connectFrom(this.process, name),
    });
    this.#client.on("error", ({ code, message }) => {
      this.#check(code === "uncertain", () => `is told ${code}: ${message}`);
    });
    this.#client.on("uncertain", (write) => {
      context.checks.saw("uncertain");
      const isRetry = random.chance(0.5);
      this.#hasDiscarded ||= !isRetry;
      if (isRetry) write.retry();
      else write.discard();
    });
    this.connect();
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  get isQuiet(): boolean {
    const { status, pending } = this.#client;
    return this.#jobs === 0 && pending === 0 && status === "synced";
  }

  /** Where it is, for whoever wonders why it is not quiet. */
  get state(): string {
    const { status, pending } = this.#client;
    return `${this.key}: ${status}, ${this.#jobs} jobs, ${pending} pending`;
  }

  connect(): void {
    this.process.run(() => this.#client.connect());
  }

  disconnect(): void {
    this.process.run(() => this.#client.disconnect());
  }

  /** Its process goes on. */
  close(): void {
    this.process.run(() => {
      this.#isClosed = true;
      void this.#client.close();
    });
  }

  /** Wants a lease, whatever it has already. */
  act(): void {
    if (this.#jobs >= JOBS_MAX) return;
    this.process.run(() => void this.#work(leaseName(this.#random.below(this.#scenario.names))));
  }

  /** Writes what is another's, or the server's: nobody lets it. */
  meddle(): void {
    const random = this.#random;
    const isOthers = (id: string): boolean =>
      id.startsWith("lease") && !id.startsWith(`lease-request:${this.key}-`);
    this.process.run(() => {
      const ids = [...this.#client.allObjects().keys()].filter(isOthers);
      if (ids.length === 0) return;
      const id = random.pick(ids);
      const { fence } = (this.#client.get(id) ?? {}) as { fence?: number };
      const writes = [
        () => this.#client.destroy(id),
        () => this.#client.update({ id, fence: fence ?? 1 }),
        () => this.#client.update({ id, ttlMs: 1 }),
        () => this.#client.update({ id, name: "another" }),
      ];
      void random
        .pick(writes)()
        .catch(() => undefined);
      this.#context.checks.saw("meddling with leases");
    });
  }

  /** Of what it is certain at this moment. */
  check(): void {
    for (const holding of this.#holdings) {
      const { lease, claim, isReleased, isLost } = holding;
      if (lease.isHeld) this.#oracle.held(claim, lease.fence);
      const restMs = claim.confirmedAt + claim.ttlMs - this.#context.timeline.now;
      const isSure = lease.isHeld || isReleased || isLost || restMs <= SLACK_MS;
      this.#check(isSure, () => `is not certain of ${lease.name}, for ${restMs} ms yet`);
    }
  }

  /** When all is over. */
  checkSettled(): void {
    if (this.#isClosed) return;
    for (const { lease, isReleased, isLost } of this.#holdings)
      this.#check(isReleased || isLost, () => `has ${lease.name} for good`);
  }

  async #work(name: string): Promise<void> {
    const { checks } = this.#context;
    this.#jobs += 1;
    const holding = await this.#lock(name);
    if (holding !== undefined) {
      this.#holdings.add(holding);
      checks.saw("lease held");
      await this.#hold(holding);
      await this.#leave(holding);
    }
    this.#jobs -= 1;
    await this.#pause(this.#scenario.holdMeanMs);
    // What nobody has any more is not asked about for ever.
    if (holding?.isReleased === true) this.#holdings.delete(holding);
  }

  async #lock(name: string): Promise<Holding | undefined> {
    const random = this.#random;
    const { timeline, checks } = this.#context;
    const ttlMs = random.pick(this.#scenario.ttlsMs);
    const waitMs = random.pick(this.#scenario.waitsMs);
    let claim: Claim | undefined;
    const sync = this.#heard((asked) => (claim = asked));
    const leases = new Leases(sync, surroundingsOf(this.process.environment));
    const startedAt = timeline.now;
    const options = { ttlMs, ...(waitMs !== undefined && { waitMs }), note: this.key };
    try {
      const lease = await leases.lock(name, options);
      this.#trace(`has ${name} by ${lease.fence}`);
      const holding: Holding = {
        lease,
        claim: claim as unknown as Claim,
        isReleased: false,
        isLost: false,
        isRefused: false,
      };
      void lease.lost.then((error) => this.#lost(holding, error));
      return holding;
    } catch (cause) {
      const { code, message } = cause as SyncError;
      this.#trace(`does not get ${name}: ${code}`);
      checks.saw(`lock ${code}`);
      const isOffline = code === "lease_lost" || code === "unavailable";
      const isExpected =
        LOCK_CODES.has(code) ||
        (isOffline && !this.#client.isConnected()) ||
        (code === "unavailable" && claim !== undefined && this.#oracle.wasEnded(claim)) ||
        message === "the write could not be stored";
      this.#check(isExpected, () => `does not get ${name}: ${code}: ${message}`);
      if (code !== "locked" && code !== "timeout") return undefined;
      const waitedMs = timeline.now - startedAt;
      this.#check(waitedMs >= (waitMs ?? Infinity) - SLACK_MS, () => {
        return `is told ${code} after ${waitedMs} ms of ${String(waitMs)}`;
      });
      return undefined;
    }
  }

  async #hold(holding: Holding): Promise<void> {
    const { timeline, isCalm } = this.#context;
    const until = timeline.now + this.#random.exponential(this.#scenario.holdMeanMs);
    while (timeline.now < until && !isCalm() && !holding.isLost) {
      await this.#pause(this.#scenario.writeMeanMs);
      this.#count(holding);
    }
  }

  /** Releases it; or goes on for a while as if it had it still, and has it perhaps. */
  async #leave(holding: Holding): Promise<void> {
    const { lease } = holding;
    const isLate = this.#random.chance(0.3);
    if (isLate && holding.isLost) this.#write(holding, {});
    holding.isReleased = true;
    void lease.release();
    this.#trace(`releases ${lease.name}`);
    if (isLate) this.#write(holding, {});
    await this.#pause(this.#scenario.writeMeanMs);
    if (isLate) this.#write(holding, {});
  }

  /** Counts on from what it sees, if that is all there is. */
  #count(holding: Holding): void {
    const { name } = holding.lease;
    const object = this.#client.get(guardedId(name)) as { count?: number } | undefined;
    if (this.#client.status !== "synced" || this.#writing > 0) return;
    if (object?.count !== undefined) this.#write(holding, { count: object.count + 1 });
  }

  #write(holding: Holding, changes: { readonly count?: number }): void {
    const { lease, isRefused } = holding;
    this.#writing += 1;
    this.#written += 1;
    const by = `${this.key} ${this.#written}`;
    const write = { id: guardedId(lease.name), fence: lease.fence, by, ...changes };
    void lease.transaction(
      (tx) => tx.update(write),
      (error) => {
        this.#writing -= 1;
        const code = error?.code ?? "ok";
        this.#context.checks.saw(`write by a lease ${code}`);
        this.#trace(`${by}, by ${lease.fence}: ${code}`);
        holding.isRefused ||= code === "lease_lost";
        this.#check(code === "ok" || WRITE_CODES.has(code), () => {
          return `is refused ${by}: ${code}: ${String(error?.message)}`;
        });
        this.#check(code !== "ok" || !isRefused, () => `writes ${by} by what it has lost`);
      },
    );
  }

  #lost(holding: Holding, { code }: SyncError): void {
    const { lease, claim } = holding;
    this.#trace(`has lost ${lease.name}: ${code}`);
    this.#context.checks.saw(`lease lost: ${code}`);
    holding.isLost = true;
    this.#check(code === "lease_lost" || this.#isClosed, () => `has lost ${lease.name}: ${code}`);
    if (code === "lease_lost" && !this.#hasDiscarded) this.#oracle.lost(claim, lease.fence);
  }

  /** The client as the leases of one job have it; `ask` is told of each request. */
  #heard(ask: (claim: Claim) => void): ObjectSyncLike {
    const client = this.#client;
    const { timeline } = this.#context;
    const claims = new Map<string, Claim>();
    const confirming = <Result extends Promise<unknown>>(
      id: string,
      write: () => Result,
    ): Result => {
      const sentAt = timeline.now;
      const result = write();
      const confirm = (): void => {
        const claim = claims.get(id);
        if (claim !== undefined) claim.confirmedAt = Math.max(sentAt, claim.confirmedAt);
      };
      result.then(confirm, () => undefined);
      return result;
    };
    const heard = {
      create: (object: { id: string; name: string; ttlMs: number }) => {
        const { id, name, ttlMs } = object;
        const claim = { id, name, ttlMs, confirmedAt: timeline.now, isOver: false };
        claims.set(id, claim);
        this.#oracle.asked(claim);
        this.#trace(`asks for ${name} by ${id}, for ${ttlMs} ms`);
        ask(claim);
        return confirming(id, () => client.create(object));
      },
      update: (object: { id: string }) => confirming(object.id, () => client.update(object)),
      destroy: (id: string) => {
        const claim = claims.get(id);
        if (claim !== undefined) claim.isOver = true;
        return client.destroy(id);
      },
    };
    return new Proxy(client, {
      get: (_target, name) => {
        const value: unknown = Reflect.get(name in heard ? heard : client, name);
        const isMethod = typeof value === "function";
        return isMethod
          ? (...args: unknown[]): unknown => Reflect.apply(value, client, args)
          : value;
      },
    });
  }

  #pause(meanMs: number): Promise<void> {
    const delayMs = this.#random.exponential(meanMs);
    return new Promise((resolve) => this.process.environment.scheduler.after(delayMs, resolve));
  }

  #check(holds: boolean, what: () => string): void {
    this.#context.checks.check(holds, "leases", () => `${this.key} ${what()}`);
  }

  #trace(what: string): void {
    const { trace, timeline } = this.#context;
    trace.add(timeline.now, this.key, what);
  }
}
