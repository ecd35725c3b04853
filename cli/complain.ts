import { SyncError } from "../lib/index.ts";

/** What to do about an error, where its message does not say so itself. */
const REMEDIES: Readonly<Record<string, string>> = {
  exists: "--replace replaces it",
  EACCES: "see who may read and write there",
  ENOENT: "see whether the path is right",
  EADDRINUSE: "another program has the port: choose one with --port",
  ECONNREFUSED: "see whether the database runs, and whether the URL is right",
};

/** Says on stderr what failed, under its code, and what to do: of a command that is over by that. */
export function complain(error: unknown): void {
  tell(error);
  if (error instanceof SyncError) console.error("object-sync: nothing was changed");
}

/** The same of a service, which may go on. */
export function tell(error: unknown): void {
  const { code, message } = error as { code?: unknown; message?: unknown };
  const named = typeof code === "string" ? `${code}: ` : "";
  const said = typeof message === "string" && message !== "" ? message : String(error);
  const remedy = REMEDIES[String(code)];
  console.error(`object-sync: ${named}${said}${remedy === undefined ? "" : ` (${remedy})`}`);
}
