import { expect, test } from "@jest/globals";
import * as client from "../../client/index.ts";
import * as file from "../../client/offline/file.ts";
import * as indexedDb from "../../client/offline/indexeddb.ts";
import * as memory from "../../client/offline/memory.ts";
import * as web from "../../client/offline/web.ts";
import * as byNamespace from "../../client/plugins/by-namespace/index.ts";
import * as dbToCloud from "../../client/plugins/db-to-cloud/index.ts";
import * as storageTesting from "../../client/testing/index.ts";
import * as clientLeases from "../../client/plugins/leases/index.ts";
import * as lib from "../../lib/index.ts";
import * as schema from "../../schema/index.ts";
import * as jsonSchema from "../../schema/json/index.ts";
import * as server from "../../server/index.ts";
import * as conflicts from "../../client/conflicts/index.ts";
import * as explicit from "../../client/explicit/index.ts";
import * as grid from "../../server/plugins/grid/index.ts";
import * as accounts from "../../server/plugins/accounts/index.ts";
import * as jwt from "../../server/plugins/jwt/index.ts";
import * as persistenceSync from "../../server/plugins/persistence-sync/index.ts";
import * as leases from "../../server/plugins/leases/index.ts";
import * as operations from "../../server/operations/index.ts";
import * as plasmid from "../../server/plugins/plasmid/index.ts";
import * as postgres from "../../server/stores/postgres/index.ts";
import * as sqlite from "../../server/stores/sqlite/index.ts";
import * as testing from "../../server/testing/index.ts";

// What is listed here is promised: a name that goes, or changes its meaning, is a new major version.
test("the entry points export these names, and no others", () => {
  expect(Object.keys(lib).sort()).toEqual([
    "DEFAULT_LIMITS",
    "ERROR_CODES",
    "PROTOCOL",
    "SyncError",
    "TokenBucket",
    "checkChanges",
    "equalValues",
    "matcher",
  ]);
  expect(Object.keys(server).sort()).toEqual([
    "MemoryStore",
    "ObjectSync",
    "ObjectSyncServer",
    "SyncError",
    "authenticated",
    "closeOnSignals",
    "ledgerOnly",
    "ownTurn",
    "readJson",
    "silently",
  ]);
  expect(Object.keys(client).sort()).toEqual(["ObjectSync", "SyncError"]);
  expect(Object.keys(accounts)).toEqual(["Accounts"]);
  expect(Object.keys(jwt)).toEqual(["jwt"]);
  expect(Object.keys(leases).sort()).toEqual(["leaseRules", "leases"]);
  expect(Object.keys(clientLeases).sort()).toEqual(["Lease", "Leases"]);
  expect(Object.keys(plasmid).sort()).toEqual(["Plasmid", "packValue", "unpackValue"]);
  expect(Object.keys(postgres)).toEqual(["PostgresArchive", "PostgresStore"]);
  expect(Object.keys(sqlite)).toEqual(["SqliteArchive", "SqliteStore"]);
  expect(Object.keys(operations).sort()).toEqual([
    "backup",
    "exportWorld",
    "importWorld",
    "newEpoch",
    "restore",
  ]);
  expect(Object.keys(conflicts).sort()).toEqual([
    "keepAlive",
    "keepBoth",
    "mergeProperties",
    "preferLocal",
    "preferRemote",
    "resolveWith",
  ]);
  expect(Object.keys(explicit)).toEqual(["explicit"]);
  expect(Object.keys(byNamespace)).toEqual(["byNamespace"]);
  expect(Object.keys(persistenceSync)).toEqual(["persistenceSync"]);
  expect(Object.keys(dbToCloud).sort()).toEqual(["DriveError", "dbToCloudDrive"]);
  expect(Object.keys(grid)).toEqual(["grid"]);
  expect(Object.keys(schema).sort()).toEqual(["migrations", "schemas"]);
  expect(Object.keys(jsonSchema)).toEqual(["jsonSchema"]);
  expect(Object.keys(memory).sort()).toEqual(["SharedMemory", "memoryStorage"]);
  expect(Object.keys(file)).toEqual(["fileStorage"]);
  expect(Object.keys(indexedDb)).toEqual(["indexedDbStorage"]);
  expect(Object.keys(web)).toEqual(["webStorage"]);
  expect(Object.keys(storageTesting)).toEqual(["storageContract"]);
  expect(Object.keys(testing).sort()).toEqual(["mapMedium", "storeContract", "storeFaults"]);
});

test("the front doors have these methods, and no others", () => {
  const publicNames = (type: { prototype: object }): string[] =>
    Object.getOwnPropertyNames(type.prototype)
      .filter((name) => name !== "constructor")
      .sort();
  expect(publicNames(server.ObjectSyncServer)).toEqual([
    "allObjects",
    "attach",
    "authorize",
    "check",
    "close",
    "create",
    "destroy",
    "endSessions",
    "fetch",
    "get",
    "http",
    "listen",
    "on",
    "refresh",
    "revoke",
    "save",
    "setHandler",
    "setRules",
    "transaction",
    "update",
    "use",
    "world",
  ]);
  const base = Object.getPrototypeOf(client.ObjectSync) as { prototype: object };
  expect(publicNames(base)).toEqual([
    "allObjects",
    "autoSync",
    "close",
    "connect",
    "create",
    "destroy",
    "disconnect",
    "fetch",
    "get",
    "isConnected",
    "isLive",
    "namespace",
    "object",
    "off",
    "on",
    "once",
    "pending",
    "pendingOperations",
    "pull",
    "push",
    "register",
    "repair",
    "reset",
    "save",
    "sessionId",
    "setAuth",
    "signOut",
    "status",
    "subscribe",
    "sync",
    "transaction",
    "update",
    "whenSynced",
  ]);
});
