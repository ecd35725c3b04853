import { newEpoch } from "../../server/operations/index.ts";
import { withExisting } from "../archives.ts";
import { describe } from "../summary.ts";

interface Options {
  readonly world?: string;
}

export async function newEpochCommand(store: string, { world }: Options): Promise<void> {
  const worlds = world === undefined ? undefined : [world];
  const renewed = await withExisting(store, (archive) => newEpoch(archive, worlds));
  for (const one of renewed) console.log(`a new epoch of ${describe(one)}`);
  if (renewed.length === 0) console.log("the store has no worlds");
}
