import { createWriteStream } from "node:fs";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { exportWorld } from "../../server/operations/index.ts";
import { withExisting } from "../archives.ts";
import { makeFile } from "../new-file.ts";
import { Progress } from "../progress.ts";

interface Options {
  readonly world: string;
  readonly output?: string;
}

export async function exportCommand(store: string, { world, output }: Options): Promise<void> {
  const progress = new Progress();
  progress.show(`reading ${store} ...`);
  const lines = await withExisting(store, (archive) => exportWorld(archive, world));
  let count = -1; // the header is no object
  const text = async function* (): AsyncGenerator<string> {
    for await (const line of progress.count(lines, "writing line")) {
      count += 1;
      yield `${line}\n`;
    }
  };
  const to = (stream: NodeJS.WritableStream): Promise<void> =>
    pipeline(Readable.from(text()), stream);
  if (output === undefined) await to(process.stdout).catch(ignoreEnd);
  else await makeFile(output, (partial) => to(createWriteStream(partial)));
  progress.end();
  console.error(`exported ${count} objects of the world ${JSON.stringify(world)}`);
}

/** Whoever reads it, as `head`, may have had enough. */
function ignoreEnd(error: unknown): void {
  if ((error as { code?: string }).code !== "EPIPE") throw error;
}
