import { open } from "node:fs/promises";
import { createInterface } from "node:readline";
import { importWorld } from "../../server/operations/index.ts";
import { withArchive } from "../archives.ts";
import { Progress } from "../progress.ts";
import { describe } from "../summary.ts";

interface Options {
  readonly world?: string;
  readonly replace?: boolean;
}

export async function importCommand(store: string, file: string, options: Options): Promise<void> {
  const progress = new Progress();
  const lines = progress.count(linesOf(file), "reading line");
  const made = await withArchive(store, (archive) => importWorld(archive, lines, options));
  progress.end();
  console.log(`imported ${describe(made)}`);
}

async function* linesOf(file: string): AsyncGenerator<string> {
  if (file === "-") {
    yield* createInterface({ input: process.stdin, crlfDelay: Infinity });
    return;
  }
  const handle = await open(file);
  try {
    yield* handle.readLines();
  } finally {
    await handle.close();
  }
}
