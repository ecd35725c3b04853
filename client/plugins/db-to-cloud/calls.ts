import { SyncError, type ObjectSyncLike } from "../../index.ts";

type Transaction = Parameters<Parameters<ObjectSyncLike["transaction"]>[0]>[0];

/** What a drive asks of a client, none of which takes longer than it may. */
export class Calls {
  readonly #sync: ObjectSyncLike;
  readonly #timeoutMs: number;

  constructor(sync: ObjectSyncLike, timeoutMs: number) {
    this.#sync = sync;
    this.#timeoutMs = timeoutMs;
  }

  /** Rejects with why the server does not let this client in, or with `timeout`. */
  async ready(): Promise<void> {
    if (this.#sync.status !== "synced") await this.#inTime(this.#sync.whenSynced());
  }

  /** Asks the server, so that what is in view is as it was a moment ago, and not what it was before. */
  async refresh(id: string): Promise<void> {
    await this.ready();
    await this.#inTime(this.#sync.fetch(id));
  }

  /** Resolves when it is decided. What is not decided in time may be so later. */
  async write(fill: (steps: Transaction) => void): Promise<void> {
    await this.ready();
    await this.#inTime(this.#sync.transaction(fill));
  }

  async #inTime<Result>(result: Promise<Result>): Promise<Result> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => {
        reject(new SyncError("timeout", "the drive's server has not answered in time"));
      }, this.#timeoutMs);
    });
    try {
      return await Promise.race([result, late]);
    } finally {
      clearTimeout(timer);
    }
  }
}

/** Whether a write was refused for this object, because it is not there any more. */
export function isAbsence(error: unknown, id: string): boolean {
  if (!(error instanceof SyncError) || error.id !== id) return false;
  return error.code === "gone" || error.code === "not_found";
}

export type { Transaction };
