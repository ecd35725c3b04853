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
}

export interface HubSettings {
  readonly origins?: readonly string[] | undefined;
  readonly signUp?: boolean | undefined;
}

/** For how long a secret that was right is taken again: devices show it with every request. */
const REMEMBER_MS = 60_000;
/** A device may push all that it has at once. */
const LIMITS = { operationsPerMutationMax: 100_000 };

/** Makes the directory, if there is none. */
export async function openHub(hubPath: string, settings: HubSettings = {}): Promise<OpenHub> {
  mkdirSync(hubPath, { recursive: true, mode: 0o700 });
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
  return { sync, accounts, plasmid };
}

async function storeIn(hubPath: string) {
  try {
    const { SqliteStore } = await import("../../server/stores/sqlite/index.ts");
    return new SqliteStore(join(hubPath, "hub.db"));
  } catch (cause) {
    if (cause instanceof SyncError) throw cause;
    throw new SyncError("unsupported", "SQLite cannot be had", { cause });
  }
}
