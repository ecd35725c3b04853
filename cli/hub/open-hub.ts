import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { SyncError } from "../../lib/index.ts";
import { ObjectSyncServer } from "../../server/index.ts";
import { Accounts } from "../../server/plugins/accounts/index.ts";
import { Plasmid } from "../../server/plugins/plasmid/index.ts";

/** A hub directory that this process has open. */
export interface OpenHub {
  readonly sync: ObjectSyncServer;
  readonly accounts: Accounts;
  readonly plasmid: Plasmid;
  /** What goes wrong with the hub itself, as when another process has opened it. */
  readonly onError: (listener: (error: SyncError) => void) => void;
}

export interface HubSettings {
  readonly origins?: readonly string[] | undefined;
  readonly signUp?: boolean | undefined;
}

/** For how long a secret that was right is taken again: devices show it with every request. */
const REMEMBER_MS = 60_000;
/** What all of a hub is noted in. Each database is a world besides. */
const WORLDS = ["accounts", "plasmid"];
/** A device may push all that it has at once. */
const LIMITS = { operationsPerMutationMax: 100_000 };

/** Makes the directory, if there is none. */
export async function openHub(hubPath: string, settings: HubSettings = {}): Promise<OpenHub> {
  makeFolder(hubPath);
  const { origins, signUp } = settings;
  const accounts = new Accounts({ rememberMs: REMEMBER_MS });
  const sync = new ObjectSyncServer({
    store: await storeIn(hubPath),
    authenticate: accounts.authenticate,
    rules: {}, // what is here is for Plasmid Sync, and its grants
    limits: LIMITS,
    ...(origins !== undefined && { origins: origins.includes("*") ? "*" : origins }),
  });
  sync.use(accounts.plugin);
  const plasmid = new Plasmid({ accounts, signUp: signUp ?? false });
  sync.use(plasmid.plugin);
  const worlds = [sync, ...WORLDS.map((name) => sync.world(name, { private: true }))];
  const onError: OpenHub["onError"] = (listener) => {
    for (const world of worlds) world.on("error", listener);
  };
  return { sync, accounts, plasmid, onError };
}

/** Where a hub directory has all that it keeps. */
export function hubFile(hubPath: string): string {
  return join(hubPath, "hub.db");
}

function makeFolder(hubPath: string): void {
  try {
    mkdirSync(hubPath, { recursive: true, mode: 0o700 });
  } catch (cause) {
    const { code } = cause as { code?: unknown };
    if (code !== "EEXIST" && code !== "ENOTDIR") throw cause;
    throw new SyncError("bad_option", `${hubPath} is no directory`, { cause });
  }
}

async function storeIn(hubPath: string) {
  const { SqliteStore } = await import("../../server/stores/sqlite/index.ts");
  const file = hubFile(hubPath);
  try {
    return new SqliteStore(file);
  } catch (cause) {
    if (cause instanceof SyncError) throw cause;
    const { message } = cause as Error;
    throw new SyncError("bad_option", `${file} cannot be opened: ${message}`, { cause });
  }
}
