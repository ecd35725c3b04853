import type { Entry } from "../lib/entry.ts";
import type { Environment } from "../lib/environment.ts";
import { SyncError } from "../lib/errors.ts";
import type { ServerLimits } from "../lib/limits.ts";
import type { Outcome } from "../lib/outcome.ts";
import { Endings } from "./endings.ts";
import { identityKey, type IdentityKey } from "./identity.ts";
import { Allowance } from "./allowance.ts";
import type { Session } from "./session.ts";
import { TurnBudget } from "./turn-budget.ts";
import type { Source } from "./views/source.ts";
import { View } from "./views/view.ts";
import type { Views } from "./views/views.ts";

/** What a session waits for. */
interface Turn {
  /** Whether it is to be shown other topics than before. */
  readonly isOther: boolean;
  /** What it is told then, made when it is sent. */
  readonly answers: (() => Uint8Array)[];
  /** The view that becomes its own, instead of one that it shares, as soon as that is ready. */
  readonly own?: View | undefined;
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
  /** Of identities, in this world. */
  readonly endings = new Endings();
  readonly #views: Views;
  readonly #limits: ServerLimits;
  readonly #environment: Environment;
  readonly #isReadable: () => boolean;
  readonly #onGone: (session: Session, isReplaced: boolean) => void;
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
  /** Sessions with a view of their own, of which it is not known whether it is the same as another. */
  readonly #turned = new Set<Session>();
  /** Whether some could have gone on with what they have asked for, if the turn of the loop had not been over. */
  #areTurnsLeft = false;
  #isPumpDue = false;
  #isRecheckDue = false;

  /**
   * `isReadable` tells whether the world holds nothing that its store might still refuse; `onGone` is
   * told of connections that are over, and whether their client has another.
   */
  constructor(
    views: Views,
    limits: ServerLimits,
    environment: Environment,
    isReadable: () => boolean,
    onGone: (session: Session, isReplaced: boolean) => void,
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
    const own = this.#turns.get(session)?.own;
    if (own !== undefined) this.#views.release(own);
    this.#turns.delete(session);
    this.#turned.delete(session);
    this.#leave(session);
    this.#views.release(session.source);
    this.pumpSoon(); // what is left of its view goes in parts
    const isReplaced = this.#byClient.get(session.clientId) !== session;
    if (!isReplaced) this.#byClient.delete(session.clientId);
    this.#onGone(session, isReplaced);
  }

  /** Tells a client, if it is connected, what became of its mutation. */
  decide(clientId: string, n: number, outcome: Outcome): void {
    this.#byClient.get(clientId)?.decide(n, outcome);
  }

  /** Tells everyone what is new; no event is asked for about `silent`. */
  flush(silent: ReadonlySet<Entry>, now: number): void {
    const budget = new TurnBudget(this.#limits.looksPerTurn);
    this.#advance(now, budget);
    if (!this.#bySource.has(this.#views.whole)) this.#views.whole.passOver();
    for (const [source, sessions] of this.#bySource) {
      if (!source.isReady) continue; // all who wait for it are behind
      if (!isAnyLive(sessions)) {
        source.passOver();
        continue;
      }
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
    this.#share(budget);
    // For who is current only now.
    if (this.#turns.size > 0) this.#advance(now, budget);
    if (this.#behind.size > 0 || this.#areTurnsLeft || this.#views.isBusy) this.pumpSoon();
  }

  /**
   * Has a session shown its topics, if these are others than before, and sends it an answer after that:
   * once it is current, which is with the next flush at the latest.
   */
  turn(session: Session, isOther: boolean, answer?: () => Uint8Array): void {
    if (!this.#all.has(session)) return;
    const waiting = this.#turns.get(session);
    const answers = waiting?.answers ?? [];
    if (answer !== undefined) answers.push(answer);
    this.#turns.set(session, {
      ...waiting,
      isOther: isOther || waiting?.isOther === true,
      answers,
    });
    this.pumpSoon();
  }

  /** Sends pages to those who lack some, one each at a time, so that others are served between. */
  pumpSoon(): void {
    const isNeeded = this.#behind.size + this.#turns.size > 0 || this.#views.isBusy;
    if (this.#isPumpDue || !isNeeded) return;
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
    this.endings.add(key);
    const sessions = [...this.ofIdentity(key)];
    for (const session of sessions) {
      session.goodbye(sessionsEnded(), false);
      this.remove(session);
    }
    return sessions.length;
  }

  /** Ends a client's connection; it may come back at once, unless it is said that it need not. */
  dismiss(clientId: string, error: SyncError, reconnect = true): void {
    const session = this.#byClient.get(clientId);
    if (session === undefined) return;
    session.goodbye(error, reconnect);
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
    this.#leftAt.delete(key); // its last one may have gone for this one to take its place
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
    if (!this.#isReadable()) return; // the write turns call again when it is
    const now = this.#environment.clock.now();
    const budget = new TurnBudget(this.#limits.looksPerTurn);
    this.#advance(now, budget);
    const isAnySent = this.#sendPages(now);
    if (isAnySent || this.#areTurnsLeft || this.#views.isBusy) this.pumpSoon();
    else if (this.#behind.size > 0) this.#recheckLater();
    else for (const source of this.#bySource.keys()) source.forgetPages();
  }

  #advance(now: number, budget: TurnBudget): void {
    this.#views.advance(() => this.#turn(now, budget), budget);
    if (!this.#views.isReviewing) return;
    for (const [source, sessions] of this.#bySource) {
      if (source.isReady) continue;
      for (const session of sessions) {
        session.wait(now);
        this.#behind.add(session);
      }
    }
  }

  /** To as many as one turn of the loop may. Tells whether some may lack more that could be sent. */
  #sendPages(now: number): boolean {
    const budget = new TurnBudget(this.#limits.pageBytesPerTurn);
    const sent: Session[] = [];
    for (const session of this.#behind) {
      if (budget.isSpent) break;
      const progress = session.sendPage(now, budget);
      if (progress === "live") this.#caughtUp(session);
      else if (progress === "sent") sent.push(session);
      else if (progress === "blocked") this.#checkPatience(session, now);
      else if (progress === "lost") this.#restart(session);
    }
    // Those who had to wait come first the next time.
    for (const session of sent) {
      if (this.#behind.delete(session)) this.#behind.add(session);
    }
    return sent.length > 0 || budget.isSpent;
  }

  #caughtUp(session: Session): void {
    this.#behind.delete(session);
    if (!session.giveAnswers()) this.dismiss(session.clientId, unreadAnswers());
    // What it waits for may have been the only thing to happen.
    if (this.#turns.has(session)) this.pumpSoon();
  }

  /** Those who are current go on with what they have asked for, in the order in which they did. */
  #turn(now: number, budget: TurnBudget): void {
    this.#areTurnsLeft = false;
    for (const [session, turn] of this.#turns) {
      if (!session.isCurrent) continue;
      if (budget.isSpent) {
        this.#areTurnsLeft = true;
        return;
      }
      const { isOther, answers, own } = turn;
      if (own?.isReady === false) {
        // Nothing is spent on who waits: or many who do would leave nothing for their views to be made of.
        this.#areTurnsLeft = true;
        continue;
      }
      budget.spend(1 + answers.length);
      if (isOther && !this.#show(session, turn, now, budget)) {
        this.#areTurnsLeft = true;
        continue;
      }
      this.#turns.delete(session);
      for (const answer of answers) session.answerWhenLive(answer);
      if (!session.giveAnswers()) this.dismiss(session.clientId, unreadAnswers());
    }
  }

  /** Whoever asks for topics is shown a view. False if there is none yet that is its own. */
  #show(session: Session, turn: Turn, now: number, budget: TurnBudget): boolean {
    const { source } = session;
    if (!(source instanceof View)) return true;
    const isAlone = source.users === 1 && turn.own === undefined;
    const view = isAlone ? source : (turn.own ?? this.#views.own(source, budget));
    if (!view.isReady) {
      if (turn.own === undefined) this.#turns.set(session, { ...turn, own: view });
      return false;
    }
    this.#leave(session);
    if (view !== source) this.#views.release(source);
    const { base, cost } = this.#views.turn(view, session.takeTopics());
    budget.spend(cost);
    session.turn(view, base, now);
    this.#enter(session);
    this.#turned.add(session);
    this.#behind.add(session);
    return true;
  }

  /** Who has come to be shown what others are shown as well is told it together with them. */
  #share(budget: TurnBudget): void {
    for (const session of this.#turned) {
      if (!session.isCurrent) continue;
      if (budget.isSpent) return;
      budget.spend(1);
      const { source } = session;
      const shared = source instanceof View ? this.#views.settle(source, budget) : source;
      if (shared === undefined) continue; // with one of the next flushes
      this.#turned.delete(session);
      if (shared === source || !(shared instanceof View)) continue;
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
    if (this.#isRecheckDue) return;
    this.#isRecheckDue = true;
    this.#environment.scheduler.after(RECHECK_MS, () => {
      this.#isRecheckDue = false;
      this.pumpSoon();
    });
  }
}

function isAnyLive(sessions: ReadonlySet<Session>): boolean {
  for (const { isLive } of sessions) if (isLive) return true;
  return false;
}

/** Why a client must go that asks and does not read. */
export function unreadAnswers(): SyncError {
  return new SyncError("slow_client", "no answers are read");
}
