import type { Entry } from "../lib/entry.ts";
import type { Environment } from "../lib/environment.ts";
import { SyncError } from "../lib/errors.ts";
import type { ServerLimits } from "../lib/limits.ts";
import type { Outcome } from "../lib/outcome.ts";
import type { Topics } from "../lib/topics.ts";
import { identityKey, type IdentityKey } from "./identity.ts";
import { Allowance } from "./allowance.ts";
import type { Session } from "./session.ts";
import type { Source } from "./views/source.ts";
import { View } from "./views/view.ts";
import type { Views } from "./views/views.ts";

/** What a session waits for. */
interface Turn {
  /** What it is to be shown, if that changes. */
  readonly topics: Topics | undefined;
  /** What it is told then, made when it is sent. */
  readonly answers: (() => Uint8Array)[];
}

/** After so long every bucket of tokens is full, however empty it was. */
const ALLOWANCE_FULL_MS = 2_000;
/** How often a session that has no room for a page is looked at, besides when its link drains. */
const RECHECK_MS = 100;

const NONE: ReadonlySet<Session> = new Set();

/** What a client hears whose identity was told to go. */
export function sessionsEnded(): SyncError {
  return new SyncError("unauthenticated", "the sessions of this identity were ended");
}

/** The clients that are connected to one world, what they are shown, and the pages that some wait for. */
export class Sessions {
  readonly #views: Views;
  readonly #limits: ServerLimits;
  readonly #environment: Environment;
  readonly #isReadable: () => boolean;
  readonly #onGone: (clientId: string) => void;
  readonly #all = new Set<Session>();
  readonly #bySource = new Map<Source, Set<Session>>();
  readonly #byClient = new Map<string, Session>();
  readonly #byId = new Map<string, Session>();
  readonly #byIdentity = new Map<IdentityKey, Set<Session>>();
  readonly #allowances = new Map<IdentityKey, Allowance>();
  /** When the last session of an identity ended, in this order. */
  readonly #leftAt = new Map<IdentityKey, number>();
  readonly #behind = new Set<Session>();
  /** What waits for sessions to be current. */
  readonly #turns = new Map<Session, Turn>();
  /** Sessions with a view of their own, which may be the same as another. */
  readonly #turned = new Set<Session>();
  #isPumpDue = false;

  /**
   * `isReadable` tells whether the world holds nothing that its store might still refuse; `onGone` is
   * told of clients that have no connection any more.
   */
  constructor(
    views: Views,
    limits: ServerLimits,
    environment: Environment,
    isReadable: () => boolean,
    onGone: (clientId: string) => void,
  ) {
    this.#views = views;
    this.#limits = limits;
    this.#environment = environment;
    this.#isReadable = isReadable;
    this.#onGone = onGone;
  }

  get size(): number {
    return this.#all.size;
  }

  /** A client that connects again takes its older connection's place. */
  add(session: Session): void {
    const older = this.#byClient.get(session.clientId);
    if (older !== undefined) {
      // It may come back: an attempt that it gave up may have come later than the one it lives on.
      older.goodbye(new SyncError("superseded", "the same client has connected again"), true);
      this.remove(older);
    }
    this.#all.add(session);
    this.#addToIdentity(session);
    this.#byClient.set(session.clientId, session);
    this.#byId.set(session.info.id, session);
    this.#enter(session);
    this.#behind.add(session);
    this.pumpSoon();
  }

  /** The session that a client has now. */
  of(clientId: string): Session | undefined {
    return this.#byClient.get(clientId);
  }

  /** The session of this public name. */
  named(id: string): Session | undefined {
    return this.#byId.get(id);
  }

  has(session: Session): boolean {
    return this.#all.has(session);
  }

  /** All that an identity has. */
  ofIdentity(key: IdentityKey): ReadonlySet<Session> {
    return this.#byIdentity.get(key) ?? NONE;
  }

  remove(session: Session): void {
    if (!this.#all.delete(session)) return;
    this.#byId.delete(session.info.id);
    this.#removeFromIdentity(session);
    this.#behind.delete(session);
    this.#turns.delete(session);
    this.#turned.delete(session);
    this.#leave(session);
    this.#views.release(session.source);
    if (this.#byClient.get(session.clientId) !== session) return;
    this.#byClient.delete(session.clientId);
    this.#onGone(session.clientId);
  }

  /** Tells a client, if it is connected, what became of its mutation. */
  decide(clientId: string, n: number, outcome: Outcome): void {
    this.#byClient.get(clientId)?.decide(n, outcome);
  }

  /** Tells everyone what is new; no event is asked for about `silent`. */
  flush(silent: ReadonlySet<Entry>, now: number): void {
    this.#views.advance(() => this.#turn(now));
    if (!this.#bySource.has(this.#views.whole)) this.#views.whole.passOver();
    for (const [source, sessions] of this.#bySource) {
      const news = source.tell(silent);
      let isAnyBehind = false;
      for (const session of sessions) {
        session.flush(news, now);
        if (session.isLive) continue;
        isAnyBehind = true;
        this.#behind.add(session);
      }
      if (!isAnyBehind && source instanceof View) source.forgetGone();
    }
    this.#views.told();
    this.#share();
    // For who is current only now.
    if (this.#turns.size > 0) this.#views.advance(() => this.#turn(now));
    if (this.#behind.size > 0) this.pumpSoon();
  }

  /**
   * Has a session shown something else, if there are other topics, and sends it an answer after that:
   * once it is current, which is with the next flush at the latest.
   */
  turn(session: Session, topics: Topics | undefined, answer?: () => Uint8Array): void {
    if (!this.#all.has(session)) return;
    const waiting = this.#turns.get(session);
    const answers = waiting?.answers ?? [];
    if (answer !== undefined) answers.push(answer);
    this.#turns.set(session, { topics: topics ?? waiting?.topics, answers });
    this.pumpSoon();
  }

  /** Sends pages to those who lack some, one each at a time, so that others are served between. */
  pumpSoon(): void {
    if (this.#isPumpDue || this.#behind.size + this.#turns.size === 0) return;
    this.#isPumpDue = true;
    this.#environment.scheduler.soon(() => {
      this.#isPumpDue = false;
      this.#pump();
    });
  }

  /** What all sessions of an identity may send together; undefined if it is not known whose they are. */
  allowanceOf(identity: unknown): Allowance | undefined {
    const key = identityKey(identity);
    if (key === undefined) return undefined;
    const now = this.#environment.clock.now();
    this.#forgetAllowances(now);
    this.#leftAt.delete(key);
    const known = this.#allowances.get(key);
    if (known !== undefined) return known;
    const { clientsWorthPerIdentityMax } = this.#limits;
    const allowance = new Allowance(this.#limits, clientsWorthPerIdentityMax, now);
    this.#allowances.set(key, allowance);
    return allowance;
  }

  /** Not before they would be full again: coming back must gain nothing. */
  #forgetAllowances(now: number): void {
    for (const [key, leftAt] of this.#leftAt) {
      if (now - leftAt < ALLOWANCE_FULL_MS) return;
      this.#leftAt.delete(key);
      this.#allowances.delete(key);
    }
  }

  /** Ends all sessions of an identity, for good: their credentials are no longer to be trusted. */
  endIdentity(key: IdentityKey): number {
    const sessions = [...this.ofIdentity(key)];
    for (const session of sessions) {
      session.goodbye(sessionsEnded(), false);
      this.remove(session);
    }
    return sessions.length;
  }

  /** Ends a client's connection; it may come back at once. */
  dismiss(clientId: string, error: SyncError): void {
    const session = this.#byClient.get(clientId);
    if (session === undefined) return;
    session.goodbye(error, true);
    this.remove(session);
  }

  goodbyeAll(error: SyncError): void {
    for (const session of [...this.#all]) session.goodbye(error, true);
  }

  /** Ends all connections; their clients may come back at once, and begin as if they were new. */
  dismissAll(error: SyncError): void {
    for (const { clientId } of [...this.#all]) this.dismiss(clientId, error);
  }

  #addToIdentity(session: Session): void {
    const key = identityKey(session.info.identity);
    if (key === undefined) return;
    const sessions = this.#byIdentity.get(key) ?? new Set();
    this.#byIdentity.set(key, sessions.add(session));
  }

  #removeFromIdentity(session: Session): void {
    const key = identityKey(session.info.identity);
    const sessions = key === undefined ? undefined : this.#byIdentity.get(key);
    if (sessions?.delete(session) === true && sessions.size === 0) {
      this.#byIdentity.delete(key as IdentityKey);
      this.#leftAt.set(key as IdentityKey, this.#environment.clock.now());
    }
  }

  #pump(): void {
    if (!this.#isReadable()) return; // the host calls again when it is
    const now = this.#environment.clock.now();
    this.#views.advance(() => this.#turn(now));
    let isAnySent = false;
    for (const session of this.#behind) {
      const progress = session.sendPage(now);
      if (progress === "live") this.#caughtUp(session);
      else if (progress === "sent") isAnySent = true;
      else if (progress === "blocked") this.#checkPatience(session, now);
      else this.#restart(session);
    }
    if (isAnySent) this.pumpSoon();
    else if (this.#behind.size > 0) this.#recheckLater();
    else for (const source of this.#bySource.keys()) source.forgetPages();
  }

  #caughtUp(session: Session): void {
    this.#behind.delete(session);
    if (!session.giveAnswers()) this.dismiss(session.clientId, unreadAnswers());
    // What it waits for may have been the only thing to happen.
    if (this.#turns.has(session)) this.pumpSoon();
  }

  /** Those who are current go on with what they have asked for. */
  #turn(now: number): void {
    for (const [session, { topics, answers }] of this.#turns) {
      if (!session.isCurrent) continue;
      this.#turns.delete(session);
      if (topics !== undefined) this.#show(session, topics, now);
      for (const answer of answers) session.answerWhenLive(answer);
      if (!session.giveAnswers()) this.dismiss(session.clientId, unreadAnswers());
    }
  }

  /** Whoever asks for topics is shown a view. */
  #show(session: Session, topics: Topics, now: number): void {
    if (!(session.source instanceof View)) return;
    this.#leave(session);
    const { view, base } = this.#views.turn(session.source, topics);
    session.turn(view, base, now);
    this.#enter(session);
    this.#turned.add(session);
    this.#behind.add(session);
  }

  /** Who has come to be shown what others are shown as well is told it together with them. */
  #share(): void {
    for (const session of this.#turned) {
      if (!session.isCurrent) continue;
      this.#turned.delete(session);
      const { source } = session;
      if (!(source instanceof View)) continue;
      const shared = this.#views.settle(source);
      if (shared === source) continue;
      this.#leave(session);
      this.#views.release(source);
      shared.users += 1;
      session.join(shared);
      this.#enter(session);
    }
  }

  #enter(session: Session): void {
    const sessions = this.#bySource.get(session.source);
    if (sessions === undefined) this.#bySource.set(session.source, new Set([session]));
    else sessions.add(session);
  }

  #leave(session: Session): void {
    const sessions = this.#bySource.get(session.source);
    sessions?.delete(session);
    if (sessions?.size === 0) this.#bySource.delete(session.source);
  }

  #restart(session: Session): void {
    const error = new SyncError("slow_client", "too much has changed while the client caught up");
    this.dismiss(session.clientId, error);
  }

  #checkPatience(session: Session, now: number): void {
    const { slowClientMs } = this.#limits;
    if (now - (session.behindSince ?? now) <= slowClientMs) return;
    this.#behind.delete(session);
    const seconds = String(slowClientMs / 1_000);
    session.goodbye(new SyncError("slow_client", `nothing was read for ${seconds} s`), true);
  }

  #recheckLater(): void {
    this.#environment.scheduler.after(RECHECK_MS, () => this.pumpSoon());
  }
}

/** Why a client must go that asks and does not read. */
export function unreadAnswers(): SyncError {
  return new SyncError("slow_client", "no answers are read");
}
