import { SyncError } from "../../index.ts";

/** Throws `invalid_value` for a name that HTTP Basic cannot carry: nobody could ever sign in by it. */
export function checkAccess(name: string): void {
  if (!name.includes(":")) return;
  const message = "the name of an account must not have a colon";
  throw new SyncError("invalid_value", message, { property: "access" });
}

/** Throws `invalid_value` for a quota that is none: whoever had it could push nothing any more. */
export function checkGrant(permission: string, value: string): void {
  if (permission !== "DatabaseQuota" || /^\d{1,15}$/.test(value)) return;
  const message = "the value of DatabaseQuota is a whole number of bytes";
  throw new SyncError("invalid_value", message, { property: "value" });
}
