import { readFileSync } from "node:fs";

/** What package.json says: beside the sources it is one folder up, in what is published two. */
export function version(): string {
  for (const place of ["../package.json", "../../package.json"]) {
    try {
      const text = readFileSync(new URL(place, import.meta.url), "utf8");
      return (JSON.parse(text) as { version: string }).version;
    } catch {
      // It is in the other place.
    }
  }
  return "unknown";
}
