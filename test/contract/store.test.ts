import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { MemoryStore } from "../../server/index.ts";
import { SqliteStore } from "../../server/stores/sqlite/index.ts";
import {
  mapMedium,
  storeContract,
  storeFaults,
  type StoreMedium,
} from "../../server/testing/index.ts";
import { Drive } from "../simulation/drive.ts";
import { JournalStore } from "../simulation/journal-store.ts";
import { SeededRandom } from "../simulation/random.ts";

function memoryMedium(): StoreMedium {
  return { open: () => new MemoryStore(), remove: () => undefined };
}

function sqliteMedium(): StoreMedium {
  const folder = mkdtempSync(join(tmpdir(), "object-sync-"));
  return {
    open: () => new SqliteStore(join(folder, "worlds.db")),
    remove: () => rmSync(folder, { recursive: true }),
  };
}

/** The store by which the simulation tries what a disk can do. */
function journalMedium(): StoreMedium {
  const harmless = { fullChance: 0, failedSyncChance: 0, powerLossChance: 0 };
  const nothing = { powerLost: () => undefined, saw: () => undefined };
  const drive = new Drive(new SeededRandom(1), harmless, () => true, nothing);
  const pause = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  return { open: () => new JournalStore(drive, pause), remove: () => undefined };
}

const media: Readonly<Record<string, () => StoreMedium>> = {
  memory: memoryMedium,
  sqlite: sqliteMedium,
  "a map": mapMedium,
  "a simulated drive": journalMedium,
};

for (const [name, makeMedium] of Object.entries(media)) {
  describe(name, () => {
    for (const check of storeContract(() => makeMedium())) test(check.name, check.run);
  });
}

describe("the checks notice a store that", () => {
  test.each(Object.entries(storeFaults))("%s", async (_name, fault) => {
    const failed: string[] = [];
    for (const { name, run } of storeContract(() => mapMedium(fault))) {
      await run().catch(() => failed.push(name));
    }
    expect(failed).not.toEqual([]);
  });
});
