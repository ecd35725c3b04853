import { createInterface } from "node:readline";
import { Writable } from "node:stream";
import { SyncError } from "../lib/index.ts";

/** Nothing of what is typed shows. */
const SILENT = new Writable({
  write: (_chunk, _encoding, done) => {
    done();
  },
});

/** Asks for a secret on a terminal, twice and without showing it; else it is the first line that comes. */
export async function readSecret(): Promise<string> {
  if (!process.stdin.isTTY) return firstLine();
  const secret = await prompt("Secret: ");
  if ((await prompt("Again: ")) === secret) return secret;
  throw new SyncError("invalid_value", "the two are not the same", { property: "secret" });
}

async function firstLine(): Promise<string> {
  for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity }))
    return line;
  throw new SyncError("invalid_value", "a secret must be given, on the standard input");
}

async function prompt(text: string): Promise<string> {
  // First, or what is typed as soon as it is asked for would show.
  const lines = createInterface({ input: process.stdin, output: SILENT, terminal: true });
  process.stderr.write(text);
  try {
    return await new Promise<string>((resolve, reject) => {
      lines.once("line", resolve);
      lines.once("SIGINT", () => reject(new SyncError("closed", "interrupted")));
      lines.once("close", () => reject(new SyncError("invalid_value", "no secret was given")));
    });
  } finally {
    lines.close();
    process.stderr.write("\n");
  }
}
