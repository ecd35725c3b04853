import { SyncError, type ObjectChange } from "../lib/index.ts";
import type { StandardIssue } from "./standard-schema.ts";

/** Some libraries quote what they were given, and an error is kept and sent. */
const REASON_LENGTH_MAX = 300;

/** A create or an update; on the server also who makes it, or null for the server's own code. */
export type SchemaChange = ObjectChange & { readonly session?: object | null };

/** Why a change is refused, as whoever writes may be told. */
export function violationOf(change: SchemaChange, issue: StandardIssue): SyncError {
  const { id } = change;
  const keys = (issue.path ?? []).map((step) => String(typeof step === "object" ? step.key : step));
  const [property] = keys;
  if (property === undefined) return violation(id, issue.message);
  if (isUntouched(property, change))
    return violation(id, "a property that was there before is wrong");
  const path = keys.join(".");
  // What arktype says begins with the path.
  const reason = issue.message.startsWith(path) ? issue.message : `${path}: ${issue.message}`;
  return violation(id, reason, property);
}

export function violation(id: string, reason: string, property?: string): SyncError {
  const short =
    reason.length > REASON_LENGTH_MAX ? `${reason.slice(0, REASON_LENGTH_MAX)}...` : reason;
  const message = `${id} would not fit its schema: ${short}`;
  return new SyncError("schema_violation", message, { id, property });
}

/** A client may not be allowed to read it: then it must not learn of it by a reason either. */
function isUntouched(property: string, change: SchemaChange): boolean {
  if (change.kind === "create" || (change.session ?? null) === null) return false;
  const wasThere = change.before !== undefined && Object.hasOwn(change.before, property);
  return wasThere && !Object.hasOwn(change.changes, property);
}
