import { checkOptions, isName } from "../keeping/options.ts";
import { persist } from "../keeping/persist.ts";
import type { Persistence } from "../persistence.ts";
import { webStorage as makeStorage, type WebStorageOptions } from "../storage/web/index.ts";

export type { WebStorageOptions };

/**
 * Keeps writes and view in the page's localStorage, or in the `area` given: some megabytes. Throws
 * `bad_option`.
 */
export function webStorage(options: WebStorageOptions = {}): Persistence {
  checkOptions(options, { name: isName, area: isArea });
  return persist(() => makeStorage(options));
}

function isArea(area: unknown): boolean {
  if ([undefined, "localStorage", "sessionStorage"].includes(area as undefined)) return true;
  return typeof (Object(area) as Partial<Storage>).getItem === "function";
}
