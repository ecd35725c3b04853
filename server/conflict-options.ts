import { SyncError } from "../lib/errors.ts";
import { isByNamespace } from "../lib/object.ts";
import { isReferences, type References } from "../lib/references.ts";
import type { Conflicts } from "./conflicts.ts";

const MODES: readonly unknown[] = ["merge", "detect"];

/** Throws `bad_option`. */
export function checkConflicts(given: Conflicts = "merge"): Conflicts {
  if (MODES.includes(given)) return given;
  if (isByNamespace(given) && Object.values(given).every((mode) => MODES.includes(mode))) {
    return Object.freeze({ ...given });
  }
  throw badOption(
    "conflicts",
    `must be "merge" or "detect", or say one of these by namespace, without colon`,
  );
}

/** Throws `bad_option`. */
export function checkReferences(given: References = {}): References {
  if (isReferences(given)) return Object.freeze({ ...given });
  throw badOption("references", "must be lists of properties, by namespace, without colon");
}

function badOption(name: string, reason: string): SyncError {
  return new SyncError("bad_option", `the option ${name} ${reason}`, { property: name });
}
