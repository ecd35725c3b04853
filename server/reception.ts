import { createHash } from "node:crypto";
import type { Cancel, Environment } from "../lib/environment.ts";
import { atMost, SyncError } from "../lib/errors.ts";
import type { ServerLimits } from "../lib/limits.ts";
import type { Link, LinkEvents } from "../lib/link.ts";
import {
  decodeClientMessage,
  encodeFetched,
  type Fetched,
  type FetchMessage,
  type Hello,
  type MutationsMessage,
  type SubscribeMessage,
} from "../lib/messages.ts";
import { FIRST_VERSION } from "../lib/migrations.ts";
import { decodeMutation } from "../lib/mutation-codec.ts";
import type { ObjectId } from "../lib/object.ts";
import { parseTopics, type Topics } from "../lib/topics.ts";
import type { Sent } from "./allowance.ts";
import type { Visitor } from "./authenticated.ts";
import { identityKey, userOf } from "./identity.ts";
import { Session, type SessionInfo } from "./session.ts";
import { unreadAnswers } from "./sessions.ts";
import type { Pusher } from "./strict-pushes.ts";
import { closing, tooLarge, turnAway } from "./turn-away.ts";
import type { WorldHost } from "./world-host.ts";

/** In bytes, for what a message has besides mutations: numbers, and names that were not told yet. */
const MESSAGE_SLACK = 4_096;

/** Of a mutation that cannot be accepted for its content. */
const NOTHING = { operations: [], seen: 0 };

export interface ReceptionEvents {
  connected(session: SessionInfo): void;
  disconnected(session: SessionInfo): void;
}

/** The door of one world: welcomes clients, and parses once what they send. */
export class Reception {
  readonly #host: WorldHost;
  readonly #world: string;
  readonly #limits: ServerLimits;
  readonly #environment: Environment;
  readonly #events: ReceptionEvents;

  constructor(
    host: WorldHost,
    world: string,
    limits: ServerLimits,
    environment: Environment,
    events: ReceptionEvents,
  ) {
    this.#host = host;
    this.#world = world;
    this.#limits = limits;
    this.#environment = environment;
    this.#events = events;
  }

  /** `forbidden`, when this is known as the client of somebody else. */
  ownerProblem(clientId: string, identity: unknown): SyncError | undefined {
    const { ledger, sessions } = this.#host;
    const owner = ledger.ownerOf(clientId) ?? identityKey(sessions.of(clientId)?.info.identity);
    if (owner === undefined || owner === identityKey(identity)) return undefined;
    // A client that is told so forgets what it has of the other.
    const about = { property: "clientId" };
    return new SyncError("forbidden", "this clientId is that of another identity", about);
  }

  /** Throws `schema_version`, and `unavailable` when this server must be updated first. */
  checkVersion(version = FIRST_VERSION): void {
    this.#host.versions.checkClient(version);
  }

  /** What a client asks to be shown. Throws as `parseTopics` does, and `forbidden`. */
  topicsOf(data: unknown): Topics {
    const topics = parseTopics(data, this.#limits);
    this.#host.permissions.judgeTopics(topics);
    return topics;
  }

  /** Begins a session on an open link; what comes over the link goes to the events returned. */
  accept(link: Link, hello: Hello, asked: Topics, { identity, endsAt }: Visitor): LinkEvents {
    const { clock, random } = this.#environment;
    const { cursor, clientId, schema: schemaVersion = FIRST_VERSION } = hello;
    const id = random.id();
    const client = publicName(clientId);
    const info: SessionInfo = { id, world: this.#world, identity, client, schemaVersion };
    const { world, stable, ledger } = this.#host;
    const directed = this.#host.directors.topicsFor(info);
    const topics = directed ?? asked;
    // Of a view it is not known what a client has: it gets all of it anew, and what it lost is gone.
    const anyone = this.#host.permissions.audience(identity, info.id);
    const audience = this.#host.versions.audience(anyone, schemaVersion);
    const pusher = { audience, topics };
    const known = hello.isStrict === true ? this.#knownTo(pusher, hello) : undefined;
    if (known instanceof SyncError) return turnAway(link, known);
    const isWhole = this.#host.views.isWhole(audience, topics);
    const isResumed = isWhole && world.canResume(cursor) && cursor.seq <= stable.seq;
    const wasHere = cursor.epoch === world.epoch && cursor.seq <= stable.seq;
    const user = userOf(identity);
    const { detects } = this.#host;
    const welcome = {
      epoch: world.epoch,
      seq: stable.seq,
      nextHandle: stable.nextHandle,
      isResumed,
      ...(!isWhole && { isPart: true }),
      decided: ledger.lastOf(clientId),
      isForgotten: this.#host.hasForgotten(clientId, wasHere ? cursor.seq : 0),
      ...this.#host.durability,
      ...(detects !== undefined && { detects }),
      ...(user !== undefined && { user }),
      sessionId: info.id,
      mutationsInFlightMax: this.#limits.mutationsInFlightMax,
      mutationBytesMax: this.#mutationBytesMax(link),
    };
    const start = {
      info,
      clientId,
      link,
      welcome,
      audience,
      topics,
      isDirected: directed !== undefined,
      isStrict: known !== undefined,
      allowance: this.#host.sessions.allowanceOf(identity),
      source: this.#host.views.open(audience, topics),
      cursorSeq: cursor.seq,
      recorded: () => ledger.outcomesOf(clientId),
    };
    const session = new Session(start, this.#limits, clock.now());
    this.#host.forgetUndecided(clientId);
    if (known !== undefined) this.#host.strictPushes.begin(session, known);
    this.#host.sessions.add(session);
    // It was let in before the world began to close, and would wait here for nothing.
    if (this.#host.isClosing) this.#host.sessions.dismiss(clientId, closing());
    this.#events.connected(info);
    return this.#listen(session, endsAt);
  }

  /** Up to where a client has the world that pushes strictly; or why it cannot. */
  #knownTo(pusher: Pusher, { cursor }: Hello): number | SyncError {
    try {
      return this.#host.strictPushes.check(pusher, cursor);
    } catch (error) {
      return error as SyncError;
    }
  }

  /** What fits into a message that the transport lets through as well. */
  #mutationBytesMax(link: Link): number {
    const { mutationBytesMax, messageBytesMax } = this.#limits;
    const fitting = Math.min(messageBytesMax, link.incomingBytesMax) - MESSAGE_SLACK;
    return Math.max(1, Math.min(mutationBytesMax, fitting));
  }

  #listen(session: Session, endsAt: number): LinkEvents {
    const dismiss = (error: SyncError, reconnect: boolean): void => {
      session.goodbye(error, reconnect);
      this.#host.sessions.remove(session);
    };
    const stopExpiry = this.#at(endsAt, () => {
      if (this.#host.sessions.has(session)) dismiss(tokenExpired(), true);
    });
    return {
      message: (bytes) => {
        if (!this.#host.sessions.has(session)) return; // it was said goodbye to
        try {
          const now = this.#environment.clock.now();
          if (now >= endsAt) throw tokenExpired(); // the timer is late
          const { messageBytesMax } = this.#limits;
          if (bytes.length > messageBytesMax) throw tooLarge(messageBytesMax);
          this.#spend(session, "messages", 1, now);
          this.#spend(session, "bytes", bytes.length, now);
          const message = decodeClientMessage(bytes, session.dictionary, this.#limits);
          if (message.kind === "mutations") this.#mutate(session, message, now);
          else if (message.kind === "fetch") void this.#fetch(session, message);
          else this.#subscribe(session, message, now);
        } catch (error) {
          const problem = toSyncError(error);
          dismiss(problem, problem.retryable);
        }
      },
      drained: () => {
        session.drained();
        this.#host.sessions.pumpSoon();
      },
      closed: () => {
        stopExpiry();
        this.#host.sessions.remove(session);
        this.#events.disconnected(session.info);
      },
    };
  }

  #at(moment: number, task: () => void): Cancel {
    if (moment === Infinity) return () => undefined;
    const { clock, scheduler } = this.#environment;
    return scheduler.after(moment - clock.now(), task);
  }

  #mutate(session: Session, message: MutationsMessage, now: number): void {
    const { settled, first, mutations } = message;
    const { clientId } = session;
    this.#spend(session, "mutations", mutations.length, now);
    session.underWay += mutations.length;
    // Twice: by what it sent on its former connection, a client may learn of a decision and send
    // more before what it sent again on this one has had its turn.
    if (session.underWay > 2 * this.#limits.mutationsInFlightMax) {
      throw new SyncError("limit_exceeded", "too many writes are on the way");
    }
    // What is not settled is remembered here, so that it must not grow without end.
    if (first + mutations.length - settled > 2 * this.#limits.mutationsInFlightMax + 1) {
      throw new SyncError("limit_exceeded", "too many outcomes are not acknowledged");
    }
    for (const [i, bytes] of mutations.entries()) {
      const mutation = decodeMutation(
        first + i,
        bytes,
        session.dictionary,
        this.#limits,
        // What has left its view may be there all the same, and the client does not know yet.
        (handle) => session.source.idOf(handle) ?? this.#host.idOf(handle, session.info.identity),
      );
      const { n, operations, seen, problem } =
        "problem" in mutation ? { ...NOTHING, ...mutation } : { problem: undefined, ...mutation };
      this.#spend(session, "operations", operations.length, now);
      const name = { clientId, n, settled, seen, isStrict: session.isStrict };
      const done = (): void => void (session.underWay -= 1);
      this.#host.submit(session.info, name, operations, problem, bytes.length, done);
    }
  }

  /** Until it is answered: whoever asked for something waits for more than the message to be read. */
  #ask(session: Session): void {
    session.asked += 1;
    if (session.asked > this.#limits.fetchesInFlightMax) {
      throw new SyncError("limit_exceeded", "too much is asked for at once");
    }
  }

  /** Throws, before anything is asked for, `limit_exceeded`. */
  #fetch(session: Session, { request, ids }: FetchMessage): Promise<void> {
    this.#ask(session);
    return this.#host.fetch(ids, session.info).then(
      (found) => {
        if (!this.#host.sessions.has(session)) return;
        if (session.source === this.#host.views.whole) this.#answer(session, { request, ...found });
        else this.#hold(session, request, ids);
      },
      (cause: unknown) => {
        if (this.#host.sessions.has(session)) this.#refuse(session, request, toSyncError(cause));
      },
    );
  }

  /** What somebody fetched who is shown a part of the world belongs to it from then on. */
  #hold(session: Session, request: number, ids: readonly ObjectId[]): void {
    const isShown =
      session.isDirected || session.topics.isEverything || ids.every((id) => session.holds(id));
    if (!isShown && !session.hold(ids)) {
      const { topicIdsMax } = this.#limits;
      this.#refuse(session, request, atMost("a client", topicIdsMax, "topics of one id"));
      return;
    }
    this.#answerThen(session, !isShown, () => {
      const missing = ids.filter((id) => !session.source.shows(id));
      return { request, seq: 0, missing };
    });
  }

  #subscribe(session: Session, { request, topics }: SubscribeMessage, now: number): void {
    this.#spend(session, "subscriptions", 1, now);
    this.#ask(session);
    let error;
    try {
      const asked = this.topicsOf(topics);
      if (session.isDirected) throw new SyncError("forbidden", "the server decides what is shown");
      if (session.topics.isEverything) {
        throw new SyncError(
          "unsupported",
          "who did not ask for topics at first is shown everything",
        );
      }
      session.topics = asked;
    } catch (cause) {
      error = toSyncError(cause).toData();
    }
    const answer = { request, seq: 0, missing: [], error };
    this.#answerThen(session, error === undefined, () => answer);
  }

  #refuse(session: Session, request: number, error: SyncError): void {
    this.#answer(session, { request, seq: 0, missing: [], error: error.toData() });
  }

  #answer(session: Session, answer: Fetched): void {
    session.asked -= 1;
    if (session.answer(encodeFetched(answer))) return;
    this.#host.sessions.dismiss(session.clientId, unreadAnswers());
  }

  /** Once it is shown its topics, if they are others now, and all that there is. */
  #answerThen(session: Session, areOthers: boolean, answer: () => Fetched): void {
    this.#host.sessions.turn(session, areOthers, () => {
      session.asked -= 1;
      return encodeFetched(answer());
    });
  }

  #spend(session: Session, what: Sent, count: number, now: number): void {
    const waitMs = session.spend(what, count, now);
    if (waitMs === 0) return;
    throw new SyncError("rate_limited", "too much was sent in too short a time", {
      retryAfterMs: waitMs,
    });
  }
}

/** A client comes back from this at once, with credentials that it asks for anew. */
export function tokenExpired(): SyncError {
  return new SyncError("token_expired", "the credentials have expired");
}

/** Whatever a message made fail, its sender gets an error of ours, and the process goes on. */
function toSyncError(error: unknown): SyncError {
  if (error instanceof SyncError) return error;
  return new SyncError("unavailable", "the server failed on this message", { cause: error });
}

/** By which a client can be told from others, and its secret `clientId` cannot be found. */
function publicName(clientId: string): string {
  return createHash("sha256").update(`client ${clientId}`).digest("base64url");
}
