import type { EncodedDelta } from "../lib/delta-codec.ts";
import type { SyncError } from "../lib/errors.ts";
import type { ServerLimits } from "../lib/limits.ts";
import type { Link } from "../lib/link.ts";
import { encodeDeltaHeader, encodeGoodbye, encodeWelcome, type Welcome } from "../lib/messages.ts";
import type { NumberedOutcome, Outcome } from "../lib/outcome.ts";
import { ShapeDictionary } from "../lib/shape-codec.ts";
import { KnownShapes } from "../lib/shape.ts";
import { TokenBucket } from "../lib/token-bucket.ts";
import type { World } from "../lib/world.ts";
import type { SnapshotPages } from "./snapshot-pages.ts";

/** What an application may know of a connection. */
export interface SessionInfo {
  /** The connection's public name: new for every connection, and no secret. */
  readonly id: string;
  readonly world: string;
  /** What `authenticate` made of the client's credentials. */
  readonly identity: unknown;
}

/** What a session lacks until it is live: all after `base`, of which all up to `from` was sent. */
interface CatchUp {
  readonly base: number;
  readonly from: number;
  /** When the last page was sent, in milliseconds of the clock. */
  readonly since: number;
  /** The state that the first page showed: no tombstone after it may be missing. */
  readonly startedAt: number;
}

/**
 * One connected client, on the server: what it has been sent, and what it still has to be.
 *
 * A session is either live, and gets each flush as it comes, or catching up, and gets pages of what
 * it lacks whenever its link has room. A newcomer, a client that comes back and one that reads too
 * slowly all catch up in the same way; so what is held for a client stays bounded, and what it gets
 * in the end is the latest state, not the history.
 */
export class Session {
  readonly info: SessionInfo;
  readonly clientId: string;
  readonly link: Link;
  readonly dictionary: ShapeDictionary;
  readonly messages: TokenBucket;
  readonly mutations: TokenBucket;
  /** Mutations that were taken on this connection and that the host is not through with. */
  underWay = 0;
  /** Of answers to fetches, since nothing waited to be read. */
  answerBytes = 0;
  readonly #limits: ServerLimits;
  readonly #known = new KnownShapes();
  readonly #recorded: () => NumberedOutcome[];
  /** Undefined while the client lacks what was recorded for it: from its start, or as it fell behind. */
  #outcomes: NumberedOutcome[] | undefined;
  #catchUp: CatchUp | null;
  #sentSeq: number;

  /** `recorded` lists what the client may not know of its decided mutations. */
  constructor(
    info: SessionInfo,
    clientId: string,
    link: Link,
    welcome: Welcome,
    cursorSeq: number,
    recorded: () => NumberedOutcome[],
    limits: ServerLimits,
    now: number,
  ) {
    this.info = info;
    this.clientId = clientId;
    this.link = link;
    this.#recorded = recorded;
    this.#limits = limits;
    this.dictionary = new ShapeDictionary(limits);
    this.messages = new TokenBucket(limits.messagesPerSecondMax, now);
    this.mutations = new TokenBucket(limits.mutationsPerSecondMax, now);
    this.#sentSeq = welcome.isResumed ? cursorSeq : 0;
    this.#catchUp = this.#catchUpFrom(this.#sentSeq, now);
    link.send(encodeWelcome(welcome));
  }

  get isLive(): boolean {
    return this.#catchUp === null;
  }

  /** Since when the session has been catching up, in milliseconds of the clock. */
  get behindSince(): number | undefined {
    return this.#catchUp?.since;
  }

  /** Tells the client what was decided, together with the effect, in the next whole message. */
  decide(n: number, outcome: Outcome): void {
    this.#outcomes?.push({ n, outcome });
  }

  /** Sends what a flush brings, unless the link is full: then the session falls behind. */
  flush(delta: EncodedDelta, now: number): void {
    if (this.#catchUp !== null) return;
    if (delta.to === this.#sentSeq && this.#outcomes?.length === 0) return;
    if (this.link.waitingBytes + delta.bytes.length > this.#limits.waitingBytesMax) {
      this.#catchUp = this.#catchUpFrom(this.#sentSeq, now);
      this.#outcomes = undefined; // the ledger has them, and tells those that are still of interest
      return;
    }
    this.#send(delta, true);
    this.#sentSeq = delta.to;
  }

  /**
   * Sends a page if the link has room for it. The page that reaches the present makes it live.
   * "lost" says that what it lacks is forgotten meanwhile: it must start anew.
   */
  sendPage(world: World, pages: SnapshotPages, now: number): "live" | "sent" | "blocked" | "lost" {
    const lack = this.#catchUp;
    if (lack === null) return "live";
    if (lack.startedAt < world.horizon) return "lost";
    if (this.link.waitingBytes > this.#limits.pageBytes) return "blocked";
    const { delta, madeAt } = pages.get(world, lack.base, lack.from);
    const isWhole = delta.to === world.seq;
    this.#send(delta, isWhole);
    const startedAt = Math.min(lack.startedAt, madeAt);
    this.#catchUp = isWhole ? null : { base: lack.base, from: delta.to, since: now, startedAt };
    if (isWhole) this.#sentSeq = delta.to;
    return isWhole ? "live" : "sent";
  }

  #catchUpFrom(base: number, since: number): CatchUp {
    return { base, from: base, since, startedAt: base === 0 ? Infinity : base };
  }

  /** Says why, and ends the connection. */
  goodbye(error: SyncError, reconnect: boolean): void {
    this.link.send(encodeGoodbye({ error: error.toData(), reconnect }));
    this.link.close();
  }

  #send(delta: EncodedDelta, isWhole: boolean): void {
    // The first whole message has the effects of all that was decided before, so it says so.
    const outcomes = isWhole ? (this.#outcomes ?? this.#recorded()) : [];
    this.link.send(encodeDeltaHeader(isWhole, outcomes, delta, this.#known), delta.bytes);
    if (!isWhole) return;
    this.#outcomes ??= [];
    this.#outcomes.length = 0;
  }
}
