import type { Database, SqlValue, Statement } from "./database.ts";
import type { DecidedMutation, ObjectRecord } from "../store.ts";
import { outcomeToJson, ownerToJson, propertiesToJson } from "../stored-json.ts";

/** All that is ever asked of a file. */
export function prepareAll(database: Database) {
  const prepare = (sql: string): Statement => database.prepare(sql);
  return {
    claim: prepare(`
      INSERT INTO worlds (name, epoch, term, seq, horizon, next_handle) VALUES (?, ?, 1, 0, 0, 1)
      ON CONFLICT (name) DO UPDATE SET term = term + 1
      RETURNING epoch, term, seq, horizon, next_handle, ledger_horizon, schema_version`),
    advance: prepare(`
      UPDATE worlds SET seq = ?, horizon = ?, next_handle = ?, ledger_horizon = ?,
        schema_version = ?
      WHERE name = ? AND term = ? AND seq = ?`),
    worlds: prepare(`
      SELECT name, epoch, term, seq, horizon, next_handle, ledger_horizon, schema_version
      FROM worlds ORDER BY name`),
    putWorld: prepare(`
      INSERT INTO worlds
        (name, epoch, term, seq, horizon, next_handle, ledger_horizon, schema_version)
      VALUES (?, ?, 1, ?, ?, ?, ?, ?)
      ON CONFLICT (name) DO UPDATE SET
        epoch = excluded.epoch, term = term + 1, seq = excluded.seq, horizon = excluded.horizon,
        next_handle = excluded.next_handle, ledger_horizon = excluded.ledger_horizon,
        schema_version = excluded.schema_version`),
    putEpoch: prepare(`UPDATE worlds SET epoch = ?, term = term + 1 WHERE name = ?`),
    dropObjects: prepare(`DELETE FROM objects WHERE world = ?`),
    dropDecisions: prepare(`DELETE FROM decisions WHERE world = ?`),
    objects: prepare(`
      SELECT id, handle, created, revision, forgotten, properties, names, revisions
      FROM objects WHERE world = ? ORDER BY revision, handle`),
    putObject: prepare(`
      INSERT OR REPLACE INTO objects
        (world, id, handle, created, revision, forgotten, properties, names, revisions)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`),
    dropTombstones: prepare(`
      DELETE FROM objects WHERE world = ? AND properties IS NULL AND revision <= ?`),
    decisions: prepare(`
      SELECT client_id, n, fingerprint, owner, outcome, seq, decided_at
      FROM decisions WHERE world = ? ORDER BY client_id, n`),
    putDecision: prepare(`
      INSERT OR REPLACE INTO decisions (world, client_id, n, fingerprint, owner, outcome, seq, decided_at)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?)`),
    forget: prepare(`DELETE FROM decisions WHERE world = ? AND client_id = ?`),
    dropSettled: prepare(`DELETE FROM decisions WHERE world = ? AND client_id = ? AND n <= ?`),
  };
}

export function objectValues(record: ObjectRecord): SqlValue[] {
  const { id, handle, created, revision, forgotten, properties, names, revisions } = record;
  return [
    id,
    handle,
    created,
    revision,
    forgotten,
    properties === null ? null : propertiesToJson(properties),
    JSON.stringify(names),
    JSON.stringify(revisions),
  ];
}

export function decisionValues(decision: DecidedMutation): SqlValue[] {
  const { clientId, n, fingerprint, owner, outcome, seq, decidedAt } = decision;
  return [clientId, n, fingerprint, ownerToJson(owner), outcomeToJson(outcome), seq, decidedAt];
}
