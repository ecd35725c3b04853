import type { Environment } from "../lib/environment.ts";
import { SyncError } from "../lib/errors.ts";
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
import { decodeMutation } from "../lib/mutation-codec.ts";
import type { ObjectId } from "../lib/object.ts";
import { parseTopics, type Topics } from "../lib/topics.ts";
import { identityKey } from "./identity.ts";
import { Session, type SessionInfo } from "./session.ts";
import { closing, type WorldHost } from "./world-host.ts";

/** In bytes, for what a message has besides mutations: numbers, and names that were not told yet. */
const MESSAGE_SLACK = 4_096;

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

  /** Throws `forbidden` when this is known as the client of somebody else. */
  checkOwner(clientId: string, identity: unknown): void {
    const { ledger, sessions } = this.#host;
    const owner = ledger.ownerOf(clientId) ?? identityKey(sessions.of(clientId)?.info.identity);
    if (owner === undefined || owner === identityKey(identity)) return;
    throw new SyncError("forbidden", "this clientId is that of another identity");
  }

  /** What a client asks to be shown. Throws as `parseTopics` does, and `forbidden`. */
  topicsOf(data: unknown): Topics {
    const topics = parseTopics(data, this.#limits);
    this.#host.permissions.judgeTopics(topics);
    return topics;
  }

  /** Begins a session on an open link; what comes over the link goes to the events returned. */
  accept(link: Link, hello: Hello, asked: Topics, identity: unknown): LinkEvents {
    const { clock, random } = this.#environment;
    const info: SessionInfo = { id: random.id(), world: this.#world, identity };
    const { cursor, clientId } = hello;
    const { world, stable, ledger } = this.#host;
    const directed = this.#host.topicsFor(info);
    const topics = directed ?? asked;
    // Of a view it is not known what a client has: it gets all of it anew, and what it lost is gone.
    const isWhole = this.#host.views.isWhole(topics);
    const isResumed = isWhole && world.canResume(cursor) && cursor.seq <= stable.seq;
    const wasHere = cursor.epoch === world.epoch && cursor.seq <= stable.seq;
    const welcome = {
      epoch: world.epoch,
      seq: stable.seq,
      nextHandle: stable.nextHandle,
      isResumed,
      ...(!isWhole && { isPart: true }),
      decided: ledger.lastOf(clientId),
      isForgotten: this.#host.hasForgotten(clientId, wasHere ? cursor.seq : 0),
      ...this.#host.durability,
      sessionId: info.id,
      mutationsInFlightMax: this.#limits.mutationsInFlightMax,
      mutationBytesMax: this.#mutationBytesMax(link),
    };
    const audience = this.#host.permissions.audience(identity, info.id);
    const start = {
      info,
      clientId,
      link,
      welcome,
      audience,
      topics,
      isDirected: directed !== undefined,
      source: this.#host.views.open(audience, topics),
      cursorSeq: cursor.seq,
      recorded: () => ledger.outcomesOf(clientId),
    };
    const session = new Session(start, this.#limits, clock.now());
    this.#host.forgetUndecided(clientId);
    this.#host.sessions.add(session);
    // It was let in before the world began to close, and would wait here for nothing.
    if (this.#host.isClosing) this.#host.sessions.dismiss(clientId, closing());
    this.#events.connected(info);
    return this.#listen(session);
  }

  /** What fits into a message that the transport lets through as well. */
  #mutationBytesMax(link: Link): number {
    const { mutationBytesMax, messageBytesMax } = this.#limits;
    const fitting = Math.min(messageBytesMax, link.incomingBytesMax) - MESSAGE_SLACK;
    return Math.max(1, Math.min(mutationBytesMax, fitting));
  }

  #listen(session: Session): LinkEvents {
    let fetches = 0;
    const dismiss = (error: SyncError, reconnect: boolean): void => {
      session.goodbye(error, reconnect);
      this.#host.sessions.remove(session);
    };
    const fetched = (message: FetchMessage): void => {
      if (++fetches > this.#limits.fetchesInFlightMax) {
        throw new SyncError("limit_exceeded", "too many fetches are under way");
      }
      void this.#fetch(session, message).finally(() => (fetches -= 1));
    };
    return {
      message: (bytes) => {
        if (!this.#host.sessions.has(session)) return; // it was said goodbye to
        try {
          this.#spend(session.messages.take(1, this.#environment.clock.now()));
          const message = decodeClientMessage(bytes, session.dictionary, this.#limits);
          if (message.kind === "mutations") this.#mutate(session, message);
          else if (message.kind === "fetch") fetched(message);
          else this.#subscribe(session, message);
        } catch (error) {
          const problem = toSyncError(error);
          dismiss(problem, problem.retryable);
        }
      },
      drained: () => {
        if (session.link.waitingBytes === 0) session.answerBytes = 0;
        this.#host.sessions.pumpSoon();
      },
      closed: () => {
        this.#host.sessions.remove(session);
        this.#events.disconnected(session.info);
      },
    };
  }

  #mutate(session: Session, { settled, first, mutations }: MutationsMessage): void {
    const { clientId } = session;
    this.#spend(session.mutations.take(mutations.length, this.#environment.clock.now()));
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
        (handle) => session.source.idOf(handle),
      );
      const [operations, problem] =
        "problem" in mutation ? [[], mutation.problem] : [mutation.operations, undefined];
      const name = { clientId, n: mutation.n, settled };
      this.#host.submit(session.info, name, operations, problem, () => (session.underWay -= 1));
    }
  }

  async #fetch(session: Session, { request, ids }: FetchMessage): Promise<void> {
    let answer: Fetched;
    try {
      answer = { request, ...(await this.#host.fetch(ids, session.info)) };
    } catch (error) {
      answer = { request, seq: 0, missing: [], error: toSyncError(error).toData() };
    }
    if (!this.#host.sessions.has(session)) return;
    if (answer.error === undefined && session.source !== this.#host.views.whole) {
      this.#hold(session, request, ids);
    } else {
      this.#answer(session, encodeFetched(answer));
    }
  }

  /** What somebody fetched who is shown a part of the world belongs to it from then on. */
  #hold(session: Session, request: number, ids: readonly ObjectId[]): void {
    const { topics } = session;
    const isShown =
      session.isDirected || topics.isEverything || ids.every((id) => topics.ids.has(id));
    if (!isShown) session.topics = topics.with({ ids });
    this.#host.sessions.turn(session, isShown ? undefined : session.topics, () => {
      const missing = ids.filter((id) => !session.source.shows(id));
      return encodeFetched({ request, seq: 0, missing });
    });
  }

  #subscribe(session: Session, { request, topics }: SubscribeMessage): void {
    this.#spend(session.subscriptions.take(1, this.#environment.clock.now()));
    let error;
    try {
      const asked = this.topicsOf(topics);
      if (session.isDirected) throw new SyncError("forbidden", "the server decides what is shown");
      session.topics = asked;
    } catch (cause) {
      error = toSyncError(cause).toData();
    }
    const answer = { request, seq: 0, missing: [], error };
    this.#host.sessions.turn(session, error === undefined ? session.topics : undefined, () =>
      encodeFetched(answer),
    );
  }

  #answer(session: Session, bytes: Uint8Array): void {
    const { sessions } = this.#host;
    // Answers wait for no room: so those that are asked for and never read have a bound.
    if (session.link.waitingBytes === 0) session.answerBytes = 0;
    session.answerBytes += bytes.length;
    if (session.answerBytes > this.#limits.waitingBytesMax + bytes.length) {
      sessions.dismiss(session.clientId, new SyncError("slow_client", "no answers are read"));
    } else {
      session.link.send(bytes);
    }
  }

  #spend(waitMs: number): void {
    if (waitMs === 0) return;
    throw new SyncError("rate_limited", "too much was sent in too short a time", {
      retryAfterMs: waitMs,
    });
  }
}

/** Whatever a message made fail, its sender gets an error of ours, and the process goes on. */
function toSyncError(error: unknown): SyncError {
  if (error instanceof SyncError) return error;
  return new SyncError("unavailable", "the server failed on this message", { cause: error });
}
