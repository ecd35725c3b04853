import { indexedDbStorage } from "../../client/storage/indexeddb/index.ts";
import type { ClientStorage } from "../../client/storage/storage.ts";
import { webStorage } from "../../client/storage/web/index.ts";
import { storageContract, type StorageCheck } from "../../client/testing/index.ts";

/**
 * The script of a page that runs the checks for storages on what its browser has. Bundled by
 * test/browser/storage.test.ts; a second tab of it is "elsewhere".
 */

interface Tab extends Window {
  readonly openStorage: (kind: string, name: string) => ClientStorage;
}

const kinds: Readonly<Record<string, (name: string) => ClientStorage>> = {
  "Web Storage": (name) => webStorage({ name }),
  IndexedDB: (name) => indexedDbStorage({ name }),
};

function openStorage(kind: string, name: string): ClientStorage {
  const open = kinds[kind];
  if (open === undefined) throw new Error(`there is no ${kind}`);
  return open(name);
}

async function openTab(): Promise<{ tab: Tab; close: () => Promise<void> }> {
  const tab = window.open(location.href) as Tab | null;
  if (tab === null) throw new Error("the browser opens no tab");
  await new Promise((resolve) => tab.addEventListener("load", resolve));
  return {
    tab,
    close: async () => {
      tab.close();
      while (!tab.closed) await new Promise((resolve) => setTimeout(resolve, 5));
    },
  };
}

let places = 0;

function checks(kind: string): StorageCheck[] {
  return storageContract(() => {
    const name = `place ${places++}`;
    return {
      open: () => openStorage(kind, name),
      openElsewhere: async () => {
        const { tab, close } = await openTab();
        return { storage: tab.openStorage(kind, name), end: close };
      },
      ...(kind === "Web Storage" && { valueLengthMax: 5_300_000 }),
      remove: () => {
        localStorage.clear();
        indexedDB.deleteDatabase(name);
      },
    };
  });
}

/** Resolves with what is wrong; with nothing when the check passes. */
async function runCheck(kind: string, name: string): Promise<string | undefined> {
  const check = checks(kind).find((one) => one.name === name);
  return check?.run().then(
    () => undefined,
    (error: unknown) => String(error),
  );
}

Object.assign(globalThis, { openStorage, runCheck });
