import type { SyncError } from "../lib/errors.ts";
import type { ReplicaEvent } from "../lib/showing.ts";
import type { ClientEventName, ClientEvents } from "./events.ts";
import type { Progress } from "./progress.ts";

/** Who hears of what happens, when all state is consistent: it may call the follower. Never throws. */
export interface FollowerListener {
  changed(events: readonly ReplicaEvent[]): void;
  /** All but what happens to objects. */
  happened<Name extends ClientEventName>(name: Name, ...args: ClientEvents[Name]): void;
  /** The server will not have this client back. */
  refused(error: SyncError): void;
  /** What this client has belongs to another user than the one who has connected. */
  strange(): unknown;
  /** Nothing is undecided any more. */
  drained(): void;
  /** The connection is in another state, or the server has told or decided something. */
  progressed(progress: Progress): void;
}

/**
 * What the application is still to be told. It hears nothing while something is being changed, and
 * what it causes by its own calls comes after all that it is being told.
 */
export class News {
  readonly listener: FollowerListener;
  readonly #items: (() => void)[] = [];
  #isTelling = false;

  constructor(listener: FollowerListener) {
    this.listener = listener;
  }

  /** `tell` must not throw. */
  add(tell: () => void): void {
    this.#items.push(tell);
  }

  changed(events: readonly ReplicaEvent[]): void {
    if (events.length > 0) this.add(() => this.listener.changed(events));
  }

  happened<Name extends ClientEventName>(name: Name, ...args: ClientEvents[Name]): void {
    this.add(() => this.listener.happened(name, ...args));
  }

  /** Called when all state is consistent; with `last`, that is told after all else. */
  tell(last?: () => void): void {
    if (last !== undefined) this.add(last);
    if (this.#isTelling) return;
    this.#isTelling = true;
    for (const tell of this.#items) tell(); // also what is added meanwhile
    // Not a new list: the engine keeps for long what hangs on an old one that has become garbage.
    this.#items.length = 0;
    this.#isTelling = false;
  }
}
