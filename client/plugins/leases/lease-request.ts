import { SyncError, type ObjectSyncLike, type SyncObject } from "../../index.ts";
import type { Surroundings } from "./surroundings.ts";

/** Renewals in a time to live: one or two may be late. */
const RENEWALS = 3;
/** How much longer than it was to wait a client waits for the server to say so. */
const ANSWER_MS = 5_000;

export interface Asked {
  readonly name: string;
  readonly ttlMs: number;
  readonly waitMs?: number;
  readonly note?: string;
}

interface Answer {
  granted(fence: number): void;
  failed(error: SyncError): void;
}

/**
 * A request for a lease: an object of this client's, which it destroys to end it. While there is one,
 * it tells the server again and again that this client lives.
 *
 * ```
 * waiting --the server writes `fence`--> held --it is gone--> lost
 *    |--it is gone, refused, or too late--> failed
 * ```
 */
export class LeaseRequest {
  readonly id: string;
  readonly lost: Promise<SyncError>;
  fence: number | undefined;
  readonly #sync: ObjectSyncLike;
  readonly #asked: Asked;
  readonly #answer: Answer;
  readonly #now: () => number;
  readonly #undo: (() => void)[] = [];
  #tellLost: (error: SyncError) => void = () => undefined;
  /** Whether the server has it. */
  #isMade = false;
  #isOver = false;
  #isRenewing = false;
  /** When it said last what the server has confirmed, by a clock that never goes back. */
  #confirmedAt: number;

  /** Of a request that was answered, and is gone all the same, `answer` hears `lease_lost`. */
  constructor(
    sync: ObjectSyncLike,
    asked: Asked,
    { newId, now, every, after }: Surroundings,
    answer: Answer,
  ) {
    this.id = `lease-request:${newId()}`;
    this.#now = now;
    this.#confirmedAt = now();
    this.#sync = sync;
    this.#asked = asked;
    this.#answer = answer;
    this.lost = new Promise((resolve) => (this.#tellLost = resolve));
    const unsubscribe = sync.subscribe({ id: this.id });
    unsubscribe.ready.catch(() => undefined); // most clients are shown everything anyway
    const source = sync.object(this.id);
    this.#undo.push(
      unsubscribe,
      source.on("update", (object) => this.#look(object)),
      source.on("remove", () => this.#gone()),
      sync.on("connect", () => this.#renew()),
      sync.on("status", () => this.#checkOpen()),
      every(asked.ttlMs / RENEWALS, () => this.#renew()),
    );
    if (asked.waitMs !== undefined) {
      this.#undo.push(after(asked.waitMs + ANSWER_MS, () => this.#tooLate()));
    }
    void this.#create();
  }

  /** Whether it is certain that nobody else has the lease. */
  get isHeld(): boolean {
    return this.fence !== undefined && !this.#isOver && this.#isFresh;
  }

  get #isFresh(): boolean {
    return this.#now() - this.#confirmedAt < this.#asked.ttlMs;
  }

  async release(): Promise<void> {
    if (this.#isOver) return;
    this.#end();
    await this.#sync.destroy(this.id);
  }

  async #create(): Promise<void> {
    try {
      await this.#sync.create({ id: this.id, ...this.#asked });
    } catch (cause) {
      const error = cause as SyncError;
      // Nobody else draws this id: it was uncertain, and has been made all the same.
      if (error.code !== "exists") {
        this.#fail(this.fence === undefined ? error : lost(this.#asked.name));
        return;
      }
    }
    this.#isMade = true;
    const object = this.#sync.get(this.id);
    if (object !== undefined) this.#look(object);
    // The answer may have taken so long that it was not heard of meanwhile.
    else this.#fail(this.#isFresh ? unseen() : lost(this.#asked.name));
  }

  #look({ fence, refusedMs }: SyncObject): void {
    if (this.#isOver || this.fence !== undefined) return;
    if (typeof fence === "number") {
      this.fence = fence;
      this.#answer.granted(fence);
    } else if (typeof refusedMs === "number") {
      const { name, waitMs = 0 } = this.#asked;
      const message = `somebody else has had the lease ${name} for ${String(Math.round(waitMs))} ms`;
      this.#fail(
        new SyncError("locked", message, { id: `lease:${name}`, retryAfterMs: refusedMs }),
      );
      void this.#sync.destroy(this.id);
    }
  }

  #gone(): void {
    // What could not be made is gone as well, and #create tells why.
    if (this.#isMade) this.#fail(lost(this.#asked.name));
  }

  #tooLate(): void {
    if (this.fence !== undefined) return;
    this.#fail(
      new SyncError("timeout", `no server has answered for the lease ${this.#asked.name}`),
    );
    void this.#sync.destroy(this.id);
  }

  /** An update with what the object has already: it changes nothing, and nobody hears of it. */
  #renew(): void {
    this.#checkOpen();
    if (this.#isOver || this.#isRenewing || !this.#sync.isConnected()) return;
    const { id } = this;
    if (this.#sync.get(id) === undefined) return;
    const sentAt = this.#now();
    this.#isRenewing = true;
    this.#sync.update({ id, name: this.#asked.name }).then(
      () => {
        this.#isRenewing = false;
        this.#confirmedAt = sentAt;
      },
      (cause: unknown) => {
        const error = cause as SyncError;
        this.#isRenewing = false;
        // A server that has forgotten whose writes are whose takes its name for another's.
        if (error.retryable || error.code === "conflict") return;
        this.#fail(this.fence === undefined ? error : lost(this.#asked.name));
      },
    );
  }

  #checkOpen(): void {
    if (this.#sync.status !== "closed") return;
    this.#fail(new SyncError("closed", "the client was closed"));
  }

  #fail(error: SyncError): void {
    if (this.#isOver) return;
    this.#end();
    if (this.fence === undefined) this.#answer.failed(error);
    else this.#tellLost(error);
  }

  #end(): void {
    this.#isOver = true;
    for (const undo of this.#undo.splice(0)) undo();
  }
}

function lost(name: string): SyncError {
  const message = `the lease ${name} is lost: this client was not heard of for too long`;
  return new SyncError("lease_lost", message, { id: `lease:${name}` });
}

function unseen(): SyncError {
  const message =
    "this client is not shown its own request, or the server has ended: see LEASES.md";
  return new SyncError("unavailable", message);
}
