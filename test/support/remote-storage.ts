import { SyncError } from "../../lib/index.ts";
import type { ErrorData } from "../../lib/errors.ts";
import type { ClientStorage } from "../../client/storage/storage.ts";

/** A call on a storage that is in another process or in a page, as JSON can carry it. */
export type StorageCall =
  | { readonly method: "read" | "lock"; readonly text: string }
  | { readonly method: "write"; readonly changes: readonly (readonly [string, string | null])[] }
  | { readonly method: "giveBack"; readonly lock: number }
  | { readonly method: "close" };

export interface StorageAnswer {
  readonly entries?: readonly (readonly [string, string])[];
  /** The number of what was taken. */
  readonly lock?: number | undefined;
  readonly error?: ErrorData;
}

type Ask = (call: StorageCall) => Promise<StorageAnswer>;

/** Does on a storage of here what the other side asks. */
export function answererOf(storage: ClientStorage): Ask {
  const locks: (() => void)[] = [];
  const answer = async (call: StorageCall): Promise<StorageAnswer> => {
    if (call.method === "read") return { entries: await storage.read(call.text) };
    if (call.method === "write") {
      const changes = call.changes.map(([key, value]) => [key, value ?? undefined] as const);
      await storage.write(new Map(changes));
    } else if (call.method === "lock") {
      const giveBack = await storage.lock(call.text);
      return { lock: giveBack === undefined ? undefined : locks.push(giveBack) - 1 };
    } else if (call.method === "giveBack") {
      locks[call.lock]?.();
    } else {
      await storage.close();
    }
    return {};
  };
  return (call) =>
    answer(call).catch((error: unknown) => {
      if (error instanceof SyncError) return { error: error.toData() };
      throw error;
    });
}

/** A storage that is elsewhere. */
export class RemoteStorage implements ClientStorage {
  readonly #ask: Ask;

  constructor(ask: Ask) {
    this.#ask = async (call) => {
      const answer = await ask(call);
      if (answer.error !== undefined) throw SyncError.from(answer.error);
      return answer;
    };
  }

  async read(prefix: string): Promise<readonly (readonly [string, string])[]> {
    const { entries = [] } = await this.#ask({ method: "read", text: prefix });
    return entries;
  }

  async write(changes: ReadonlyMap<string, string | undefined>): Promise<void> {
    const sent = [...changes].map(([key, value]) => [key, value ?? null] as const);
    await this.#ask({ method: "write", changes: sent });
  }

  async lock(name: string): Promise<(() => void) | undefined> {
    const { lock } = await this.#ask({ method: "lock", text: name });
    if (lock === undefined) return undefined;
    return () => void this.#ask({ method: "giveBack", lock });
  }

  async close(): Promise<void> {
    await this.#ask({ method: "close" });
  }
}
