import { atMost, type SyncError } from "../lib/errors.ts";
import type { ClientLimits } from "../lib/limits.ts";
import type { Fetched } from "../lib/messages.ts";
import type { ObjectId } from "../lib/object.ts";

/** What the application asked the server for, and has not got yet. */
export interface Fetch {
  readonly request: number;
  /** Undefined asks for what is subscribed to. */
  readonly ids: readonly ObjectId[] | undefined;
  /** Called once, when the replica holds those of the objects that exist. */
  readonly settle: (error: SyncError | undefined) => void;
}

interface OpenFetch extends Fetch {
  isSent: boolean;
  /** The request that was sent for it: one for all that ask for what is subscribed to. */
  carrier: number;
  /** The answer, until the replica is where it holds. */
  answer?: Fetched;
}

/** Questions that no server has answered. On every new connection all of them are asked again. */
export class Fetches {
  readonly #limits: ClientLimits;
  readonly #open = new Map<number, OpenFetch>();
  #lastRequest = 0;

  constructor(limits: ClientLimits) {
    this.#limits = limits;
  }

  /** Throws `limit_exceeded` when there are too many ids, or too many fetches to keep. */
  add(ids: readonly ObjectId[] | undefined, settle: Fetch["settle"]): void {
    const { fetchIdsMax, writesMax } = this.#limits;
    if (ids !== undefined && ids.length > fetchIdsMax) throw atMost("a fetch", fetchIdsMax, "ids");
    if (this.#open.size >= writesMax) throw atMost("a client", writesMax, "open fetches");
    this.#lastRequest += 1;
    const request = this.#lastRequest;
    this.#open.set(request, { request, ids, settle, isSent: false, carrier: request });
  }

  /** How many are open. */
  get size(): number {
    return this.#open.size;
  }

  restart(): void {
    for (const fetch of this.#open.values()) {
      fetch.isSent = false;
      delete fetch.answer;
    }
  }

  /** Whether the server is to be told anew what is subscribed to. */
  get isSubscriptionDue(): boolean {
    for (const { ids, isSent } of this.#open.values())
      if (ids === undefined && !isSent) return true;
    return false;
  }

  /** The next to send, if one may be; it counts as sent. */
  takeUnsent(maySubscribe: boolean): Fetch | undefined {
    let underWay = 0;
    let next: OpenFetch | undefined;
    // All of them: one that had to wait may stand before others that were sent.
    for (const fetch of this.#open.values()) {
      if (!fetch.isSent) next ??= fetch.ids === undefined && !maySubscribe ? undefined : fetch;
      else if (fetch.answer === undefined) underWay += 1;
    }
    if (next === undefined || underWay >= this.#limits.fetchesInFlightMax) return undefined;
    next.isSent = true;
    if (next.ids === undefined) this.#carry(next.request);
    return next;
  }

  /** What is subscribed to is told as a whole: so this tells of all that was asked for by now. */
  #carry(request: number): void {
    for (const fetch of this.#open.values()) {
      if (fetch.ids !== undefined || (fetch.isSent && fetch.request !== request)) continue;
      fetch.isSent = true;
      fetch.carrier = request;
    }
  }

  answer(fetched: Fetched): void {
    for (const fetch of this.#open.values()) {
      if (fetch.isSent && fetch.carrier === fetched.request) fetch.answer = fetched;
    }
  }

  /** Takes out the fetches whose answer holds for a replica that is at `seq`. */
  takeAnswered(seq: number): readonly Readonly<OpenFetch>[] {
    const answered = [...this.#open.values()].filter(
      ({ answer }) => answer !== undefined && (answer.error !== undefined || answer.seq <= seq),
    );
    for (const { request } of answered) this.#open.delete(request);
    return answered;
  }

  takeAll(): readonly Fetch[] {
    const fetches = [...this.#open.values()];
    this.#open.clear();
    return fetches;
  }
}
