import type { EncodedDelta } from "../lib/delta-codec.ts";
import type { Environment } from "../lib/environment.ts";
import { SyncError } from "../lib/errors.ts";
import type { ServerLimits } from "../lib/limits.ts";
import type { Outcome } from "../lib/outcome.ts";
import type { World } from "../lib/world.ts";
import { identityKey, type IdentityKey } from "./identity.ts";
import type { Session } from "./session.ts";
import { SnapshotPages } from "./snapshot-pages.ts";

/** How often a session that has no room for a page is looked at, besides when its link drains. */
const RECHECK_MS = 100;

const NONE: ReadonlySet<Session> = new Set();

/** What a client hears whose identity was told to go. */
export function sessionsEnded(): SyncError {
  return new SyncError("unauthenticated", "the sessions of this identity were ended");
}

/** The clients that are connected to one world, and the pages that some of them wait for. */
export class Sessions {
  readonly #world: World;
  readonly #limits: ServerLimits;
  readonly #environment: Environment;
  readonly #isReadable: () => boolean;
  readonly #onGone: (clientId: string) => void;
  readonly #pages: SnapshotPages;
  readonly #all = new Set<Session>();
  readonly #byClient = new Map<string, Session>();
  readonly #byIdentity = new Map<IdentityKey, Set<Session>>();
  readonly #behind = new Set<Session>();
  #isPumpDue = false;

  /**
   * `isReadable` tells whether the world holds nothing that its store might still refuse; `onGone` is
   * told of clients that have no connection any more.
   */
  constructor(
    world: World,
    limits: ServerLimits,
    environment: Environment,
    isReadable: () => boolean,
    onGone: (clientId: string) => void,
  ) {
    this.#world = world;
    this.#limits = limits;
    this.#environment = environment;
    this.#isReadable = isReadable;
    this.#onGone = onGone;
    this.#pages = new SnapshotPages(limits.pageBytes);
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
    this.#behind.add(session);
    this.pumpSoon();
  }

  /** The session that a client has now. */
  of(clientId: string): Session | undefined {
    return this.#byClient.get(clientId);
  }

  has(session: Session): boolean {
    return this.#all.has(session);
  }

  /** All that an identity has. */
  ofIdentity(key: IdentityKey): ReadonlySet<Session> {
    return this.#byIdentity.get(key) ?? NONE;
  }

  remove(session: Session): void {
    this.#all.delete(session);
    this.#removeFromIdentity(session);
    this.#behind.delete(session);
    if (this.#byClient.get(session.clientId) !== session) return;
    this.#byClient.delete(session.clientId);
    this.#onGone(session.clientId);
  }

  /** Tells a client, if it is connected, what became of its mutation. */
  decide(clientId: string, n: number, outcome: Outcome): void {
    this.#byClient.get(clientId)?.decide(n, outcome);
  }

  flush(delta: EncodedDelta, now: number): void {
    for (const session of this.#all) {
      session.flush(delta, now);
      if (!session.isLive) this.#behind.add(session);
    }
    if (this.#behind.size > 0) this.pumpSoon();
  }

  /** Sends pages to those who lack some, one each at a time, so that others are served between. */
  pumpSoon(): void {
    if (this.#isPumpDue || this.#behind.size === 0) return;
    this.#isPumpDue = true;
    this.#environment.scheduler.soon(() => {
      this.#isPumpDue = false;
      this.#pump();
    });
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
    }
  }

  #pump(): void {
    if (!this.#isReadable()) return; // the host calls again when it is
    const now = this.#environment.clock.now();
    let isAnySent = false;
    for (const session of this.#behind) {
      const progress = session.sendPage(this.#world, this.#pages, now);
      if (progress === "live") this.#behind.delete(session);
      else if (progress === "sent") isAnySent = true;
      else if (progress === "blocked") this.#checkPatience(session, now);
      else this.#restart(session);
    }
    if (isAnySent) this.pumpSoon();
    else if (this.#behind.size > 0) this.#recheckLater();
    else this.#pages.clear();
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
