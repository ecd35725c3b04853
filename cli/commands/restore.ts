import { restore } from "../../server/operations/index.ts";
import { withArchive, withExisting } from "../archives.ts";
import { Progress } from "../progress.ts";
import { describe } from "../summary.ts";

interface Options {
  readonly replace?: boolean;
}

export async function restoreCommand(file: string, store: string, options: Options): Promise<void> {
  const progress = new Progress();
  progress.show(`restoring ${file} ...`);
  const restored = await withExisting(file, (from) =>
    withArchive(store, (to) => restore(from, to, options)),
  );
  progress.end();
  for (const world of restored) console.log(`restored ${describe(world)}`);
  if (restored.length === 0) console.log("restored a backup that has no worlds");
}
