import { SyncError } from "../../lib/errors.ts";
import type { Kept } from "../persistence.ts";
import type { BoxTexts } from "./box.ts";
import { clientFromText, objectFromText, writeFromText } from "./kept-text.ts";

/** What a box says, and if not all of it can be read, what is wrong with the rest. */
export interface Recovered {
  readonly kept: Kept;
  readonly problem?: SyncError;
}

const NOTHING_SEEN = { epoch: "", seq: 0 };

/**
 * Reads what a client has left. A view of which a part is unreadable is let go, as the server has it.
 * Of writes none may be missing, and none can be sent for a client whose name is not known: then it
 * throws `storage_failed`.
 */
export function recover(texts: BoxTexts): Recovered {
  const client = reading("the writes of a client cannot be read, and stay where they are", () => ({
    ...clientFromText(texts.client),
    writes: [...texts.writes.values()].map(writeFromText),
  }));
  try {
    const objects = reading("what was seen last cannot be read, and is fetched anew", () =>
      texts.objects.map(objectFromText),
    );
    return { kept: { ...client, objects } };
  } catch (problem) {
    const kept = { ...client, cursor: NOTHING_SEEN, objects: [] };
    return { kept, problem: problem as SyncError };
  }
}

function reading<Result>(failing: string, read: () => Result): Result {
  try {
    return read();
  } catch (cause) {
    const message = `${failing}: ${(cause as Error).message}`;
    throw new SyncError("storage_failed", message, { cause });
  }
}
