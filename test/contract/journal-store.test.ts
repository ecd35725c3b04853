import { expect, test } from "@jest/globals";
import type { StoredWorld } from "../../server/stores/store.ts";
import { StoreModel } from "../../server/testing/store-model.ts";
import { Drive, PowerLoss } from "../simulation/drive.ts";
import { JournalStore } from "../simulation/journal-store.ts";
import { SeededRandom } from "../simulation/random.ts";

const WORLD = "arena";
const BATCHES = 12;
/** Each has another history, and leaves other parts of what was not synced. */
const SEEDS = [1, 2, 3, 4, 5, 6, 7, 8];

test.each(SEEDS)(
  "whichever operation the power is lost at, what was acknowledged is there, and no half of a batch (%i)",
  async (seed) => {
    for (let fatal = 1; ; fatal++) {
      const { drive, kept, isOff } = await runUntil(fatal, seed);
      if (!isOff) {
        expect(fatal).toBeGreaterThan(2 * BATCHES); // there are no more operations
        return;
      }
      const world = new JournalStore(drive, () => Promise.resolve()).load(WORLD, "another epoch");
      expect([kept, kept + 1].some((batches) => isThere(world, batches, seed))).toBe(true);
    }
  },
);

/** Commits until the power is lost at this operation, if there are so many. */
async function runUntil(fatal: number, seed: number) {
  let operations = 0;
  let isOff = false;
  let powerLost = (): void => undefined;
  const off = new Promise<void>((resolve) => {
    powerLost = () => {
      isOff = true;
      resolve();
    };
  });
  const drive = new Drive(
    new SeededRandom(seed * 1_000 + fatal),
    { fullChance: 0, failedSyncChance: 0, powerLossChance: 1 },
    () => (operations += 1) !== fatal,
    { powerLost: () => powerLost(), saw: () => undefined },
  );
  // What is asleep when the power is lost does not wake up.
  const pause = (): Promise<void> => (isOff ? new Promise(() => undefined) : Promise.resolve());
  let kept = 0;
  const commitAll = async (): Promise<void> => {
    const store = new JournalStore(drive, pause);
    const { term } = store.load(WORLD, "first epoch");
    const model = new StoreModel(seed);
    for (; kept < BATCHES; kept++) await store.commit(WORLD, model.next(term));
  };
  await Promise.race([off, commitAll()]).catch((error: unknown) => {
    if (!(error instanceof PowerLoss)) throw error;
  });
  return { drive, kept, isOff };
}

function isThere(world: StoredWorld, batches: number, seed: number): boolean {
  if (batches === 0) return world.nextHandle === 1; // as no batch has left it
  const model = new StoreModel(seed);
  for (let i = 0; i < batches; i++) model.next(world.term);
  try {
    model.compare(world);
    return true;
  } catch {
    return false;
  }
}
