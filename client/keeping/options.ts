import { SyncError } from "../../lib/errors.ts";

/** Throws `bad_option`, naming an option that there is not, or one that cannot have its value. */
export function checkOptions<Options extends object>(
  options: Options,
  checks: Readonly<Record<keyof Options, (value: unknown) => boolean>>,
): void {
  for (const [property, value] of Object.entries(options)) {
    if (Object.hasOwn(checks, property) && checks[property as keyof Options](value)) continue;
    const message = `the storage's option ${property} is none, or cannot have this value`;
    throw new SyncError("bad_option", message, { property });
  }
}

/** A name that may be left out. */
export function isName(value: unknown): boolean {
  return value === undefined || (typeof value === "string" && value !== "");
}
