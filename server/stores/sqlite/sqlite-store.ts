import { SyncError } from "../../../lib/index.ts";
import { openDatabase, type Database, type SqlValue, type Statement } from "./database.ts";
import { checkSchema, migrate } from "./schema.ts";
import type { DecidedMutation, ObjectRecord, Store, StoreBatch, StoredWorld } from "../store.ts";
import {
  outcomeToJson,
  ownerToJson,
  propertiesToJson,
  toDecision,
  toRecord,
  type DecisionRow,
  type ObjectRow,
} from "../stored-json.ts";

/** A batch that waits for the transaction it goes with. */
interface Waiting {
  readonly world: string;
  readonly batch: StoreBatch;
  readonly resolve: () => void;
  readonly reject: (cause: unknown) => void;
}

interface WorldRow {
  readonly epoch: string;
  readonly term: number;
  readonly seq: number;
  readonly horizon: number;
  readonly next_handle: number;
  readonly ledger_horizon: number;
}

/**
 * Keeps worlds in one SQLite file. Each transaction is on the disk before anyone hears of it: WAL,
 * with full sync. All batches that come in one turn of the event loop share a transaction, as the
 * sync is what takes long.
 *
 * The file is for one server at a time. Another one that opens a world takes it over; the one before
 * can commit nothing more.
 */
export class SqliteStore implements Store {
  readonly capabilities = { durable: true };
  readonly #database: Database;
  readonly #statements: ReturnType<typeof prepareAll>;
  #waiting: Waiting[] = [];
  #isClosed = false;

  /**
   * `file` is made when there is none. Throws `unsupported` when this Node has no SQLite, and
   * `bad_option` when the file is something else, damaged, or of a later version: then it is left as
   * it is.
   */
  constructor(file: string) {
    this.#database = openDatabase(file);
    try {
      checkSchema(this.#database, file);
      this.#database.exec(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 5000",
      );
      migrate(this.#database);
      this.#statements = prepareAll(this.#database);
    } catch (error) {
      this.#database.close();
      throw error;
    }
  }

  load(world: string, newEpoch: string): StoredWorld {
    const { claim, objects, decisions } = this.#statements;
    this.#flush();
    const row = claim.get(world, newEpoch) as WorldRow;
    return {
      epoch: row.epoch,
      term: row.term,
      seq: row.seq,
      horizon: row.horizon,
      nextHandle: row.next_handle,
      ledgerHorizon: row.ledger_horizon,
      objects: (objects.all(world) as ObjectRow[]).map(toRecord),
      decided: (decisions.all(world) as DecisionRow[]).map(toDecision),
    };
  }

  commit(world: string, batch: StoreBatch): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#isClosed) throw new SyncError("closed", "the store was closed");
      if (this.#waiting.length === 0) setImmediate(() => this.#flush());
      this.#waiting.push({ world, batch, resolve, reject });
    });
  }

  close(): void {
    if (this.#isClosed) return;
    this.#flush();
    this.#isClosed = true;
    this.#database.exec("PRAGMA wal_checkpoint(TRUNCATE)"); // so that the file is all there is
    this.#database.close();
  }

  /** Keeps what waits in one transaction, in which each batch succeeds or fails by itself. */
  #flush(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    if (waiting.length === 0) return;
    const kept: Waiting[] = [];
    try {
      this.#database.exec("BEGIN IMMEDIATE");
      for (const one of waiting) if (this.#keepOrReject(one)) kept.push(one);
      this.#database.exec("COMMIT");
    } catch (cause) {
      this.#rollBack();
      for (const { reject } of waiting) reject(cause);
      return;
    }
    for (const { resolve } of kept) resolve();
  }

  #keepOrReject({ world, batch, reject }: Waiting): boolean {
    this.#database.exec("SAVEPOINT batch");
    try {
      this.#keep(world, batch);
      this.#database.exec("RELEASE batch");
      return true;
    } catch (cause) {
      this.#database.exec("ROLLBACK TO batch; RELEASE batch");
      reject(cause);
      return false;
    }
  }

  #keep(world: string, batch: StoreBatch): void {
    const { advance, putObject, dropTombstones, forget, dropSettled, putDecision } =
      this.#statements;
    const { term, expectedSeq, seq, nextHandle, horizon, ledgerHorizon } = batch;
    const position = [seq, horizon, nextHandle, ledgerHorizon];
    const { changes } = advance.run(...position, world, term, expectedSeq) as {
      changes: number | bigint;
    };
    if (Number(changes) !== 1) {
      throw new SyncError("deposed", `the world ${world} was opened by another server`);
    }
    for (const record of batch.objects()) putObject.run(world, ...objectValues(record));
    dropTombstones.run(world, horizon);
    for (const clientId of batch.forgotten) forget.run(world, clientId);
    for (const { clientId, n } of batch.settled()) dropSettled.run(world, clientId, n);
    for (const decision of batch.decided) putDecision.run(world, ...decisionValues(decision));
  }

  /** After an error SQLite may have done so itself. */
  #rollBack(): void {
    try {
      this.#database.exec("ROLLBACK");
    } catch {
      // There is no transaction any more.
    }
  }
}

function prepareAll(database: Database) {
  const prepare = (sql: string): Statement => database.prepare(sql);
  return {
    claim: prepare(`
      INSERT INTO worlds (name, epoch, term, seq, horizon, next_handle) VALUES (?, ?, 1, 0, 0, 1)
      ON CONFLICT (name) DO UPDATE SET term = term + 1
      RETURNING epoch, term, seq, horizon, next_handle, ledger_horizon`),
    advance: prepare(`
      UPDATE worlds SET seq = ?, horizon = ?, next_handle = ?, ledger_horizon = ?
      WHERE name = ? AND term = ? AND seq = ?`),
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

function objectValues(record: ObjectRecord): SqlValue[] {
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

function decisionValues(decision: DecidedMutation): SqlValue[] {
  const { clientId, n, fingerprint, owner, outcome, seq, decidedAt } = decision;
  return [clientId, n, fingerprint, ownerToJson(owner), outcomeToJson(outcome), seq, decidedAt];
}
