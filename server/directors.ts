import { SyncError } from "../lib/errors.ts";
import { Topics } from "../lib/topics.ts";
import type { SessionInfo } from "./session.ts";
import type { Sessions } from "./sessions.ts";

/** Decides what a session is shown, if it wants to. */
export type Director = (session: SessionInfo) => Topics | undefined;

/** Those who decide what sessions are shown, whatever these ask for. */
export class Directors {
  readonly #sessions: Sessions;
  readonly #onError: (error: SyncError) => void;
  readonly #all: Director[] = [];

  constructor(sessions: Sessions, onError: (error: SyncError) => void) {
    this.#sessions = sessions;
    this.#onError = onError;
  }

  /** Has this decide about the sessions that begin from now on. Returns its undo. */
  add(director: Director): () => void {
    this.#all.push(director);
    return () => {
      const index = this.#all.indexOf(director);
      if (index !== -1) this.#all.splice(index, 1);
    };
  }

  /** What a session is to be shown, if somebody decides that. */
  topicsFor(info: SessionInfo): Topics | undefined {
    try {
      for (const director of this.#all) {
        const topics = director(info);
        if (topics !== undefined) return topics;
      }
      return undefined;
    } catch (cause) {
      const message = "what a session is shown could not be decided: it is shown nothing";
      this.#onError(new SyncError("handler_failed", message, { cause }));
      return new Topics(false);
    }
  }

  /**
   * Has a session shown this from now on. Throws `unsupported` unless somebody decided what it is
   * shown when it began: its client could come back, and take what it has for all that there is.
   */
  show(sessionId: string, topics: Topics): void {
    const session = this.#sessions.named(sessionId);
    if (session === undefined || session.topics.key === topics.key) return;
    if (!session.isDirected) {
      throw new SyncError("unsupported", "what this session is shown was left to its client");
    }
    session.topics = topics;
    this.#sessions.turn(session, true);
  }
}
