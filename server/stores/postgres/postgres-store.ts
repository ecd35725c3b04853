import { nanoid } from "nanoid";
import pg from "pg";
import { SyncError } from "../../../lib/index.ts";
import type { Store, StoreBatch, StoredWorld } from "../store.ts";
import { decisionColumns, objectColumns } from "./columns.ts";
import { openPool } from "./pool.ts";
import type { DecisionRow, ObjectRow } from "../stored-json.ts";
import { toWorld, type WorldRow as StoredRow } from "../stored-world.ts";
import { migrate } from "./schema.ts";
import { CLAIM, COMMIT, DECISIONS, OBJECTS, SETTLE } from "./statements.ts";

/** How often a transaction is tried that the database gives up for another one's sake. */
const TRIES_MAX = 5;
/** Between two questions whether a batch was kept, to a database that does not answer. */
const ASK_EVERY_MS = 500;

// The database gives these up to let another transaction through: serialization_failure, deadlock_detected.
const GIVEN_UP: ReadonlySet<string> = new Set(["40001", "40P01"]);

type Row<Fields extends string> = Readonly<Record<Fields, string>>;

/**
 * Keeps worlds in PostgreSQL, in tables of its own, whose names start with `object_sync_`. A batch is
 * one statement, and one transaction. Where the connection is lost before the database has answered,
 * it is asked whether it kept the batch, until it answers.
 */
export class PostgresStore implements Store {
  readonly capabilities = { durable: true };
  readonly #pool: pg.Pool;
  /** By world: the name of the last batch that was kept, or of what has taken its place. */
  readonly #last = new Map<string, string | null>();
  #ready: Promise<void> | undefined;
  #isClosed = false;

  /** What `pg.Pool` takes: a URL, or its options. Nothing is connected before a world is loaded. */
  constructor(database: string | pg.PoolConfig) {
    this.#pool = openPool(database);
  }

  async load(world: string, newEpoch: string): Promise<StoredWorld> {
    const client = await this.#pool.connect();
    try {
      this.#ready ??= migrate(client);
      await this.#ready.catch((error: unknown) => {
        this.#ready = undefined;
        throw error;
      });
      await client.query("BEGIN");
      const claimed = await client.query<WorldRow>(CLAIM, [world, newEpoch]);
      const objects = await client.query<ObjectRow>(OBJECTS, [world]);
      const decisions = await client.query<DecisionRow>(DECISIONS, [world]);
      const [row] = claimed.rows;
      if (row === undefined) throw new SyncError("unavailable", "the database gave no world");
      const stored = toWorld(world, row, objects.rows, decisions.rows);
      await client.query("COMMIT");
      client.release();
      this.#last.set(world, row.last_batch);
      return stored;
    } catch (error) {
      client.release(true);
      throw error;
    }
  }

  async commit(world: string, batch: StoreBatch): Promise<void> {
    const name = nanoid();
    const values = [...valuesOf(world, name, batch), this.#last.get(world) ?? null];
    for (let tries = 1; ; tries++) {
      try {
        const { rows } = await this.#pool.query<Row<"kept">>(COMMIT, values);
        if (rows[0]?.kept !== "t") throw deposed(world);
        this.#last.set(world, name);
        return;
      } catch (error) {
        const { code } = error as { code?: string };
        if (error instanceof SyncError) throw error;
        if (code !== undefined && GIVEN_UP.has(code) && tries < TRIES_MAX) continue;
        // Whether it was kept only the database knows, unless it says itself that it failed.
        if (error instanceof pg.DatabaseError && isAnswer(error)) throw error;
        if (await this.#wasKept(world, batch.term, name, error)) return;
        throw error;
      }
    }
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#pool.end();
  }

  async #wasKept(world: string, term: number, name: string, cause: unknown): Promise<boolean> {
    while (!this.#isClosed) {
      try {
        // Waits for the transaction of the lost connection, should it be under way.
        const asked = [world, term, name, nanoid()];
        const [row] = (await this.#pool.query<Row<"last_batch">>(SETTLE, asked)).rows;
        // Perhaps it was kept, and others after it: then the next server has it, and says so.
        if (row === undefined) throw deposed(world);
        this.#last.set(world, row.last_batch);
        return row.last_batch === name;
      } catch (error) {
        if (error instanceof SyncError) throw error;
        await new Promise((resolve) => setTimeout(resolve, ASK_EVERY_MS));
      }
    }
    throw new SyncError("closed", "the store was closed before the database answered", { cause });
  }
}

function deposed(world: string): SyncError {
  return new SyncError("deposed", `the world ${world} was opened by another server`);
}

/** Classes 08 and 57 tell of connections and servers that end: what became of a statement is open. */
function isAnswer({ code }: pg.DatabaseError): boolean {
  return code !== undefined && !code.startsWith("08") && !code.startsWith("57");
}

interface WorldRow extends StoredRow {
  readonly last_batch: string | null;
}

/** The parameters of COMMIT but the last: lists side by side, one for each column. */
function valuesOf(world: string, name: string, batch: StoreBatch): unknown[] {
  const { term, expectedSeq, seq, nextHandle, horizon, decided, forgotten } = batch;
  const objects = batch.objects();
  const settled = batch.settled();
  return [
    world,
    term,
    expectedSeq,
    seq,
    horizon,
    nextHandle,
    name,
    ...objectColumns(objects),
    settled.map(({ clientId }) => clientId),
    settled.map(({ n }) => n),
    ...decisionColumns(decided),
    forgotten,
    batch.ledgerHorizon,
    batch.schemaVersion,
  ];
}
