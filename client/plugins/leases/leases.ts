import {
  SyncError,
  type AnyModels,
  type Callback,
  type ModelTransaction,
  type ObjectSyncLike,
  type WriteHandle,
} from "../../index.ts";
import { LeaseRequest, type Asked } from "./lease-request.ts";
import { realSurroundings, type Surroundings } from "./surroundings.ts";

export interface LockOptions {
  /** For how long it is this client's without being heard of; 30,000 unless given. At least 1,000. */
  readonly ttlMs?: number;
  /** For how long to wait while others have it; for as long as it takes unless given. */
  readonly waitMs?: number;
  /** What everyone may read beside the lease, as who has it: at most 256 characters. */
  readonly note?: string;
}

const TTL_MS = 30_000;
const TTL_MIN_MS = 1_000;

/**
 * Leases on names, of a server that has the plugin `leases` of object-sync/leases. One client has a
 * lease at a time; the others wait in order.
 *
 * ```ts
 * const leases = new Leases(sync);
 * const lease = await leases.lock("report:7", { waitMs: 5_000, note: "ann" });
 * await lease.transaction((tx) => tx.update({ id: "report:7", text: "..." }));
 * await lease.release();
 * ```
 */
export class Leases<Models extends object = AnyModels> {
  readonly #sync: ObjectSyncLike;
  readonly #surroundings: Surroundings;

  /** The `surroundings` are the real ones unless given. */
  constructor(sync: ObjectSyncLike<Models>, surroundings: Surroundings = realSurroundings) {
    this.#sync = sync as unknown as ObjectSyncLike;
    this.#surroundings = surroundings;
  }

  /**
   * Resolves once this client has the lease. Rejects with `locked` when another has had it for `waitMs`:
   * `retryAfterMs` says when it ends unless that one is heard of; with `timeout` when there is no server;
   * with `unsupported` for a client that is not live.
   */
  lock(name: string, options: LockOptions = {}): Promise<Lease<Models>> {
    const locking = this.#lock(name, options);
    locking.catch(() => undefined); // as of a write: one that nobody waits for does no harm
    return locking;
  }

  async #lock(name: string, options: LockOptions): Promise<Lease<Models>> {
    const asked = checked(name, options);
    if (!this.#sync.isLive) {
      throw new SyncError("unsupported", "a client that is not live could not keep a lease");
    }
    const { waitMs } = asked;
    const { now } = this.#surroundings;
    const startedAt = now();
    for (let unseen = 0; ;) {
      const waitedMs = now() - startedAt;
      const restMs = waitMs === undefined ? {} : { waitMs: Math.max(0, waitMs - waitedMs) };
      try {
        return await this.#ask({ ...asked, ...restMs });
      } catch (error) {
        const { code } = error as SyncError;
        const isUnseen = code === "unavailable" && ++unseen === 1;
        // Who was not heard of while it waited has lost its place, and asks anew. Perhaps it had not seen
        // its request yet; but who is never shown one need not ask again. Offline, the user has gone.
        if ((code !== "lease_lost" && !isUnseen) || !this.#sync.isConnected()) throw error;
      }
    }
  }

  #ask(asked: Asked): Promise<Lease<Models>> {
    return new Promise((resolve, reject) => {
      const request: LeaseRequest = new LeaseRequest(this.#sync, asked, this.#surroundings, {
        granted: (fence) => resolve(new Lease(this.#sync, asked.name, fence, request)),
        failed: reject,
      });
    });
  }
}

/** A lease that this client has, until it releases it or is not heard of for too long. */
export class Lease<Models extends object = AnyModels> {
  readonly name: string;
  /** Higher than that of everyone who had this lease before. */
  readonly fence: number;
  /** Resolves with `lease_lost` when somebody else may have it; never, once it is released. */
  readonly lost: Promise<SyncError>;
  readonly #sync: ObjectSyncLike;
  readonly #request: LeaseRequest;

  /** What `Leases.lock` makes. */
  constructor(sync: ObjectSyncLike, name: string, fence: number, request: LeaseRequest) {
    this.name = name;
    this.fence = fence;
    this.lost = request.lost;
    this.#sync = sync;
    this.#request = request;
  }

  /**
   * Whether it is certain that nobody else has it, by what the server has confirmed. It may be false while
   * this client is offline, and true again. What must not go wrong goes by way of `transaction`.
   */
  get isHeld(): boolean {
    return this.#request.isHeld;
  }

  /** As `sync.transaction`, and refused as a whole, with `lease_lost`, unless the lease is held then. */
  transaction(
    fill: (transaction: ModelTransaction<Models>) => void,
    callback?: Callback<undefined>,
  ): WriteHandle<undefined> {
    const { id } = this.#request;
    return this.#sync.transaction((tx) => {
      tx.update({ id, fence: this.fence });
      // What an async function returns is refused.
      return (fill as (tx: unknown) => unknown)(tx);
    }, callback);
  }

  /** Gives it to whoever waits for it. Resolves when the server has it back, or had already. */
  release(): Promise<void> {
    const releasing = this.#request.release();
    releasing.catch(() => undefined);
    return releasing;
  }
}

/** Throws `invalid_value`. The server checks as well, and has limits of its own. */
function checked(name: string, { ttlMs = TTL_MS, waitMs, note }: LockOptions): Asked {
  const demand = (isRight: boolean, property: string, what: string): void => {
    if (!isRight) throw new SyncError("invalid_value", `${property} must be ${what}`, { property });
  };
  demand(typeof name === "string" && name !== "", "name", "a text");
  demand(isNumber(ttlMs) && ttlMs >= TTL_MIN_MS, "ttlMs", `${String(TTL_MIN_MS)} or more`);
  demand(waitMs === undefined || (isNumber(waitMs) && waitMs >= 0), "waitMs", "0 or more");
  demand(note === undefined || typeof note === "string", "note", "a text");
  return {
    name,
    ttlMs,
    ...(waitMs !== undefined && { waitMs }),
    ...(note !== undefined && { note }),
  };
}

function isNumber(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value);
}
