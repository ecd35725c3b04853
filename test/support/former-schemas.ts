/*
 * What earlier versions have written, with a world of one object and two clients' decisions. Copies,
 * which never change: files and databases like these exist.
 */

/** A file of SQLite, version 1. */
export const SQLITE_1 = `
  CREATE TABLE worlds (
    name TEXT PRIMARY KEY,
    epoch TEXT NOT NULL,
    term INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    horizon INTEGER NOT NULL,
    next_handle INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE objects (
    world TEXT NOT NULL,
    handle INTEGER NOT NULL,
    id TEXT NOT NULL,
    created INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    forgotten INTEGER NOT NULL,
    properties TEXT,
    names TEXT NOT NULL,
    revisions TEXT NOT NULL,
    PRIMARY KEY (world, handle)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX tombstones ON objects (world, revision) WHERE properties IS NULL;
  CREATE TABLE decisions (
    world TEXT NOT NULL,
    client_id TEXT NOT NULL,
    n INTEGER NOT NULL,
    fingerprint INTEGER NOT NULL,
    owner TEXT,
    outcome TEXT NOT NULL,
    PRIMARY KEY (world, client_id, n)
  ) STRICT, WITHOUT ROWID;
  PRAGMA application_id = 1868720755;
  PRAGMA user_version = 1;
  INSERT INTO worlds VALUES ('default', 'epoch', 3, 7, 2, 5);
  INSERT INTO objects VALUES ('default', 4, 'tree', 1, 7, 0, '{"x":1}', '["x"]', '[7]');
  INSERT INTO decisions VALUES ('default', 'ann', 1, 11, NULL, '{}');
  INSERT INTO decisions VALUES ('default', 'ann', 2, 22, NULL, '{}');
  INSERT INTO decisions VALUES ('default', 'bob', 9, 99, '"7"', '{"error":{"code":"gone","message":"m"}}');
`;

/** A database of PostgreSQL, version 1. */
export const POSTGRES_1 = `
  CREATE TABLE object_sync_worlds (
     name text PRIMARY KEY,
     epoch text NOT NULL,
     term bigint NOT NULL,
     seq bigint NOT NULL,
     horizon bigint NOT NULL,
     next_handle bigint NOT NULL,
     last_batch text
   );
   -- "properties" is null in a tombstone. As json, not jsonb, which cannot hold every text.
   CREATE TABLE object_sync_objects (
     world text NOT NULL,
     handle bigint NOT NULL,
     id text NOT NULL,
     created bigint NOT NULL,
     revision bigint NOT NULL,
     forgotten bigint NOT NULL,
     properties json,
     names json NOT NULL,
     revisions json NOT NULL,
     PRIMARY KEY (world, handle)
   );
   CREATE INDEX object_sync_tombstones ON object_sync_objects (world, revision)
     WHERE properties IS NULL;
   CREATE TABLE object_sync_decisions (
     world text NOT NULL,
     client_id text NOT NULL,
     n bigint NOT NULL,
     fingerprint bigint NOT NULL,
     owner text,
     outcome json NOT NULL,
     PRIMARY KEY (world, client_id, n)
   );
  CREATE TABLE object_sync_schema (version integer NOT NULL);
  INSERT INTO object_sync_schema VALUES (1);
  INSERT INTO object_sync_worlds VALUES ('default', 'epoch', 3, 7, 2, 5);
  INSERT INTO object_sync_objects VALUES
    ('default', 4, 'tree', 1, 7, 0, '{"x":1}', '["x"]', '[7]');
  INSERT INTO object_sync_decisions VALUES
    ('default', 'ann', 1, 11, NULL, '{}'),
    ('default', 'ann', 2, 22, NULL, '{}'),
    ('default', 'bob', 9, 99, '"7"', '{"error":{"code":"gone","message":"m"}}');
`;

const undated = { seq: 7, decidedAt: 0 };
const gone = { kind: "rejected", error: { code: "gone", message: "m" } };
const accepted = { kind: "accepted" };

/** What a store of today must find in either, when it opens the world. */
export const FORMER_WORLD = {
  epoch: "epoch",
  term: 4,
  seq: 7,
  horizon: 2,
  nextHandle: 5,
  ledgerHorizon: 0,
  schemaVersion: 1,
  objects: [
    {
      id: "tree",
      handle: 4,
      created: 1,
      revision: 7,
      forgotten: 0,
      properties: { x: 1 },
      names: ["x"],
      revisions: [7],
    },
  ],
  decided: [
    { clientId: "ann", n: 1, fingerprint: 11, owner: undefined, outcome: accepted, ...undated },
    { clientId: "ann", n: 2, fingerprint: 22, owner: undefined, outcome: accepted, ...undated },
    { clientId: "bob", n: 9, fingerprint: 99, owner: "7", outcome: gone, ...undated },
  ],
};
