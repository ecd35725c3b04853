import type { EncodedDelta } from "../lib/delta-codec.ts";
import type { SyncError } from "../lib/errors.ts";
import type { ServerLimits } from "../lib/limits.ts";
import type { Link } from "../lib/link.ts";
import { encodeDeltaHeader, encodeGoodbye, encodeWelcome, type Welcome } from "../lib/messages.ts";
import type { ObjectId } from "../lib/object.ts";
import type { NumberedOutcome, Outcome } from "../lib/outcome.ts";
import { ShapeDictionary } from "../lib/shape-codec.ts";
import { KnownShapes } from "../lib/shape.ts";
import type { Topics } from "../lib/topics.ts";
import { Allowance, type Sent } from "./allowance.ts";
import type { Audience } from "./audience.ts";
import type { TurnBudget } from "./turn-budget.ts";
import type { Position } from "./views/position.ts";
import type { News, Source } from "./views/source.ts";

/** What an application may know of a connection. */
export interface SessionInfo {
  /** The connection's public name: new for every connection, and no secret. */
  readonly id: string;
  readonly world: string;
  /** What `authenticate` made of the client's credentials. */
  readonly identity: unknown;
  /**
   * Which client it is: the same whenever that comes back, for as long as it keeps its own id, also from
   * another process. It is no secret, and nobody can come under another's.
   */
  readonly client: string;
  /** Of the application's schema, as the client has it: 1 unless it has migrations. */
  readonly schemaVersion: number;
}

/** What a session lacks until it is live: all after `base`, of which all up to `from` was sent. */
interface CatchUp {
  readonly base: Position;
  /** A version of what it is shown. */
  readonly from: number;
  /** When the last page was sent, in milliseconds of the clock. */
  readonly since: number;
  /** The version that the first page showed: no tombstone after it may be missing. */
  readonly startedAt: number;
}

/** What a page costs besides its bytes, in bytes. */
const PAGE_COST_BYTES = 1_024;

/** With what a session begins. */
export interface SessionStart {
  readonly info: SessionInfo;
  readonly clientId: string;
  readonly link: Link;
  readonly welcome: Welcome;
  readonly audience: Audience;
  readonly topics: Topics;
  readonly isDirected: boolean;
  readonly isStrict: boolean;
  /** That it shares with others of the same identity. */
  readonly allowance: Allowance | undefined;
  readonly source: Source;
  /** Up to where the client has the world, if it is resumed. */
  readonly cursorSeq: number;
  /** Lists what the client may not know of its decided mutations. */
  readonly recorded: () => NumberedOutcome[];
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
  /** Those whom its client is one of. */
  readonly audience: Audience;
  readonly dictionary: ShapeDictionary;
  readonly #allowance: Allowance;
  /** Of all that have the same identity, if that can be told. */
  readonly #shared: Allowance | undefined;
  /** Mutations that were taken on this connection and that the host is not through with. */
  underWay = 0;
  /** Fetches and subscriptions that were taken on this connection and are not answered. */
  asked = 0;
  #topics: Topics;
  /** What it has fetched and is to be shown besides, from its next turn on. */
  readonly #fetched = new Set<ObjectId>();
  /** Whether the server decides that, and its client has no say in it. */
  readonly isDirected: boolean;
  /** Whether its writes are taken only while its client lacks nothing. */
  readonly isStrict: boolean;
  readonly #limits: ServerLimits;
  readonly #known = new KnownShapes();
  readonly #recorded: () => NumberedOutcome[];
  /** Undefined while the client lacks what was recorded for it: from its start, or as it fell behind. */
  #outcomes: NumberedOutcome[] | undefined;
  /** What it is shown. */
  #source: Source;
  #catchUp: CatchUp | null;
  /** What it has of that. The client itself knows of this `seq`, or of a later one. */
  #sent: Position;
  /** Of answers, since nothing waited to be read. */
  #answerBytes = 0;
  /** What is to be answered as soon as it is live. */
  #whenLive: (() => Uint8Array)[] = [];

  constructor(start: SessionStart, limits: ServerLimits, now: number) {
    const { info, clientId, link, welcome, audience, topics, isDirected, source } = start;
    this.info = info;
    this.clientId = clientId;
    this.link = link;
    this.#recorded = start.recorded;
    this.#limits = limits;
    this.dictionary = new ShapeDictionary(limits);
    this.#allowance = new Allowance(limits, 1, now);
    this.#shared = start.allowance;
    this.audience = audience;
    this.#topics = topics;
    this.isDirected = isDirected;
    this.isStrict = start.isStrict;
    this.#source = source;
    const sentSeq = welcome.isResumed ? start.cursorSeq : 0;
    this.#sent = { version: sentSeq, seq: sentSeq };
    this.#catchUp = this.#catchUpFrom(this.#sent, now);
    link.send(encodeWelcome(welcome));
  }

  /** What it is to be shown, of what it may see. */
  get topics(): Topics {
    return this.#topics;
  }

  set topics(topics: Topics) {
    this.#topics = topics;
    this.#fetched.clear();
  }

  /** Whether it is to be shown a single object that it has asked for. */
  holds(id: ObjectId): boolean {
    return this.#topics.ids.has(id) || this.#fetched.has(id);
  }

  /** Has it shown these as well, from its next turn on. False if that is more than it may ask for. */
  hold(ids: readonly ObjectId[]): boolean {
    const fetched = new Set(ids.filter((id) => !this.holds(id)));
    const held = this.#topics.ids.size + this.#fetched.size + fetched.size;
    if (held > this.#limits.topicIdsMax) return false;
    for (const id of fetched) this.#fetched.add(id);
    return true;
  }

  /** Its turn has come. However much it has fetched by now, it is one change of its topics. */
  takeTopics(): Topics {
    if (this.#fetched.size > 0) this.topics = this.#topics.with({ ids: this.#fetched });
    return this.#topics;
  }

  get isLive(): boolean {
    return this.#catchUp === null;
  }

  /** Since when the session has been catching up, in milliseconds of the clock. */
  get behindSince(): number | undefined {
    return this.#catchUp?.since;
  }

  /** Takes from what it may send; or tells in how many milliseconds it may. */
  spend(what: Sent, count: number, now: number): number {
    const waitMs = this.#allowance[what].take(count, now);
    if (waitMs > 0 || this.#shared === undefined) return waitMs;
    return this.#shared[what].take(count, now);
  }

  /** Tells the client what was decided, together with the effect, in the next whole message. */
  decide(n: number, outcome: Outcome): void {
    this.#outcomes?.push({ n, outcome });
  }

  get source(): Source {
    return this.#source;
  }

  /** Whether it has been sent all that it is shown. */
  get isCurrent(): boolean {
    return this.isLive && this.#sent.version === this.#source.position.version;
  }

  /** Sends what a flush brings, unless the link is full: then the session falls behind. */
  flush(news: News, now: number): void {
    if (this.#catchUp !== null) return;
    const { version } = this.#source.position;
    const hasOutcomes = this.#outcomes?.length !== 0;
    if ((!news.isNews || version === this.#sent.version) && !hasOutcomes) {
      if (version !== this.#sent.version) this.#sent = { version, seq: this.#sent.seq };
      return;
    }
    const { delta } = news;
    const { waitingBytesMax } = this.#limits;
    if (delta === undefined || this.link.waitingBytes + delta.bytes.length > waitingBytesMax) {
      this.#catchUp = this.#catchUpFrom(this.#sent, now);
      this.#outcomes = undefined; // the ledger has them, and tells those that are still of interest
      return;
    }
    this.#send(delta, true);
    this.#sent = { version, seq: delta.to };
  }

  /**
   * Sends a page if the link has room for it. The page that reaches the present makes it live.
   * "early" says that what it is shown is not ready; "lost", that what it lacks is forgotten meanwhile:
   * it must start anew.
   */
  sendPage(now: number, budget: TurnBudget): "live" | "sent" | "early" | "blocked" | "lost" {
    const lack = this.#catchUp;
    if (lack === null) return "live";
    if (!this.#source.isReady) {
      this.#catchUp = { ...lack, since: now }; // it is not its client that is slow
      return "early";
    }
    if (lack.startedAt < this.#source.horizon) return "lost";
    if (this.link.waitingBytes > this.#limits.pageBytes) return "blocked";
    const { delta, next, isWhole, madeAt } = this.#source.page(lack.base, lack.from);
    budget.spend(delta.bytes.length + PAGE_COST_BYTES);
    this.#send(delta, isWhole);
    const startedAt = Math.min(lack.startedAt, madeAt);
    this.#catchUp = isWhole ? null : { base: lack.base, from: next, since: now, startedAt };
    if (!isWhole) return "sent";
    this.#sent = { version: next, seq: delta.to };
    return "live";
  }

  /** What it is shown is not ready: it gets pages of what it lacks by then. */
  wait(now: number): void {
    this.#catchUp ??= this.#catchUpFrom(this.#sent, now);
  }

  /** Is shown another source from now on, of which it has all up to `base` already. */
  turn(source: Source, base: Position, now: number): void {
    this.#source = source;
    this.#sent = { version: base.version, seq: this.#sent.seq };
    this.#catchUp = this.#catchUpFrom(this.#sent, now);
  }

  /** Is shown another source that shows the same, and is as far. */
  join(source: Source): void {
    this.#source = source;
    this.#sent = { version: source.position.version, seq: this.#sent.seq };
  }

  /** Answers after all that is shown now, with the next `giveAnswers`. */
  answerWhenLive(answer: () => Uint8Array): void {
    this.#whenLive.push(answer);
  }

  /** Gives the answers that have waited. False when too many were given that nobody reads. */
  giveAnswers(): boolean {
    if (!this.isLive) return true;
    return this.#whenLive.splice(0).every((answer) => this.answer(answer()));
  }

  /** Nothing waits on the link, perhaps. */
  drained(): void {
    if (this.link.waitingBytes === 0) this.#answerBytes = 0;
  }

  /** Answers wait for no room: so those that are asked for and never read have a bound. */
  answer(bytes: Uint8Array): boolean {
    this.drained();
    this.#answerBytes += bytes.length;
    if (this.#answerBytes > this.#limits.waitingBytesMax + bytes.length) return false;
    this.link.send(bytes);
    return true;
  }

  #catchUpFrom(base: Position, since: number): CatchUp {
    const { version } = base;
    return { base, from: version, since, startedAt: version === 0 ? Infinity : version };
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
