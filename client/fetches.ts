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
    this.#open.set(this.#lastRequest, { request: this.#lastRequest, ids, settle, isSent: false });
  }

  restart(): void {
    for (const fetch of this.#open.values()) {
      fetch.isSent = false;
      delete fetch.answer;
    }
  }

  /** The next to send, if one may be; it counts as sent. */
  takeUnsent(): Fetch | undefined {
    let underWay = 0;
    for (const fetch of this.#open.values()) {
      if (!fetch.isSent && underWay < this.#limits.fetchesInFlightMax) {
        fetch.isSent = true;
        return fetch;
      }
      if (fetch.answer === undefined) underWay += 1;
    }
    return undefined;
  }

  answer(fetched: Fetched): void {
    const fetch = this.#open.get(fetched.request);
    if (fetch?.isSent === true) fetch.answer = fetched;
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
