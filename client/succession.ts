import type { SyncError } from "../lib/errors.ts";
import type { ClientEventName, ClientEvents } from "./events.ts";
import type { Follower } from "./follower.ts";
import type { FollowerListener } from "./news.ts";
import type { Keeper, Opened } from "./persistence.ts";
import { storageError } from "./storage-error.ts";

export interface SuccessionOptions {
  readonly own: Follower;
  readonly isKeeping: boolean;
  readonly newFollower: (
    isResuming: boolean,
    listener: FollowerListener,
    schema: number | undefined,
  ) => Follower;
  readonly isConnectWanted: () => boolean;
  readonly emit: <Name extends ClientEventName>(name: Name, ...args: ClientEvents[Name]) => void;
  /** An heir has come further, or is gone. */
  readonly progressed: () => void;
}

/**
 * What earlier clients have left in a storage: the client goes on with some of it itself, and has the
 * rest finished by heirs, each under the name of who has left it.
 */
export class Succession {
  readonly #options: SuccessionOptions;
  readonly heirs = new Set<Follower>();
  #opened: Promise<Opened | undefined>;
  #isOver = false;

  constructor(opening: Promise<Opened> | undefined, options: SuccessionOptions) {
    const { own, isKeeping, emit } = options;
    this.#options = options;
    this.#opened = Promise.resolve(opening).then(
      (opened) => {
        if (isKeeping) own.resume(opened?.own);
        for (const keeper of opened?.orphans ?? []) this.#finish(keeper);
        for (const problem of opened?.problems ?? []) emit("error", storageError(problem));
        return opened;
      },
      (error: unknown) => {
        emit("error", storageError(error));
        own.resume(undefined);
        return undefined;
      },
    );
  }

  /** The client's own, and all heirs. */
  get followers(): readonly Follower[] {
    return [this.#options.own, ...this.heirs];
  }

  /**
   * Drops what belongs to another user than the next; if `isAll`, also what ended clients have left.
   * Rejects with `storage_failed`.
   */
  forget(isAll: boolean, error?: SyncError): Promise<void> {
    const opening = this.#opened;
    const { own, isKeeping } = this.#options;
    const forgetting = opening.then(async (opened) => {
      if (this.#isOver) return;
      const removed = [own.forget(error)];
      if (isAll) removed.push(...Array.from(this.heirs, (heir) => this.#dismiss(heir)));
      await Promise.all(removed);
      let keeper: Keeper | undefined;
      try {
        keeper = await opened?.renew(isAll);
      } catch (cause) {
        throw storageError(cause);
      } finally {
        own.resume(keeper);
      }
      const isUnknown = isKeeping && opened === undefined;
      if (isUnknown) throw storageError("the storage could not be emptied");
    });
    this.#opened = forgetting.then(
      () => opening,
      () => opening,
    );
    return forgetting;
  }

  /** Ends the client and all heirs. */
  close(): Promise<unknown> {
    this.#isOver = true;
    const { own } = this.#options;
    return Promise.all([...Array.from(this.heirs, (heir) => heir.close()), own.close()]);
  }

  /** When all of them are closed: rejects with `storage_failed`. */
  async release(): Promise<void> {
    const opened = await this.#opened;
    await opened?.close();
  }

  async #dismiss(heir: Follower): Promise<void> {
    this.heirs.delete(heir);
    await heir.forget();
    await heir.close(true);
  }

  /** Has what a client that has ended did not finish decided, and tells only what fails. */
  #finish(keeper: Keeper): void {
    const { newFollower, isConnectWanted, emit, progressed } = this.#options;
    if (this.#isOver) {
      void keeper.close(false);
      return;
    }
    const listener: FollowerListener = {
      changed: () => undefined,
      happened: (name, ...args) => {
        if (name === "reject" || name === "uncertain" || name === "error") emit(name, ...args);
      },
      refused: (error) => emit("error", error),
      strange: () => void this.#dismiss(heir),
      progressed: ({ state }) => {
        // A visit is one attempt, also for who only finishes something.
        if (state === "waiting" && !isConnectWanted()) heir.disconnect();
        progressed();
      },
      drained: () => {
        this.heirs.delete(heir);
        void heir.close(!heir.hasLocal); // what stays here is for the next client
        progressed();
      },
    };
    const heir = newFollower(true, listener, keeper.kept?.schema);
    this.heirs.add(heir);
    heir.resume(keeper);
    if (isConnectWanted()) heir.connect();
  }
}
