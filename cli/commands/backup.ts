import { backup } from "../../server/operations/index.ts";
import { withArchive, withExisting } from "../archives.ts";
import { makeFile } from "../new-file.ts";
import { Progress } from "../progress.ts";
import { describe } from "../summary.ts";

export async function backupCommand(store: string, file: string): Promise<void> {
  const progress = new Progress();
  progress.show(`copying ${store} ...`);
  const copied = await withExisting(store, (from) =>
    makeFile(file, (partial) => withArchive(partial, (to) => backup(from, to))),
  );
  progress.end();
  for (const world of copied) console.log(`backed up ${describe(world)}`);
  if (copied.length === 0) console.log("backed up a store that has no worlds");
}
