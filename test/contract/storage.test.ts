import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { fileStorage } from "../../client/storage/file/index.ts";
import { memoryStorage, SharedMemory } from "../../client/storage/memory.ts";
import { storageContract, type StorageMedium } from "../../client/testing/index.ts";
import { StorageProcess } from "../support/storage-process.ts";
import { mapMedium, storageFaults } from "./map-storage.ts";

function memoryMedium(): StorageMedium {
  const memory = new SharedMemory();
  return { open: () => memoryStorage(memory), remove: () => undefined };
}

function fileMedium(): StorageMedium {
  const folder = mkdtempSync(join(tmpdir(), "object-sync-"));
  const file = join(folder, "client.db");
  return {
    open: () => fileStorage(file),
    openElsewhere: () => StorageProcess.start(file),
    remove: () => rmSync(folder, { recursive: true }),
  };
}

const media: Readonly<Record<string, () => StorageMedium>> = {
  memory: memoryMedium,
  file: fileMedium,
  "a map": mapMedium,
};

for (const [name, makeMedium] of Object.entries(media)) {
  describe(name, () => {
    for (const check of storageContract(() => makeMedium())) test(check.name, check.run);
  });
}

describe("the checks notice a storage that", () => {
  test.each(Object.entries(storageFaults))("%s", async (_name, fault) => {
    const failed: string[] = [];
    for (const { name, run } of storageContract(() => mapMedium(fault))) {
      await run().catch(() => failed.push(name));
    }
    expect(failed).not.toEqual([]);
  });
});
