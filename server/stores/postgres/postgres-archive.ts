import type pg from "pg";
import { SyncError } from "../../../lib/index.ts";
import type { Archive, WorldCopy } from "../archive.ts";
import type { DecisionRow, ObjectRow } from "../stored-json.ts";
import { checkEmpty, toCopy, type NamedWorldRow } from "../stored-world.ts";
import { decisionColumns, objectColumns } from "./columns.ts";
import { openPool } from "./pool.ts";
import { migrate } from "./schema.ts";
import {
  DECISIONS,
  DROP_DECISIONS,
  DROP_OBJECTS,
  OBJECTS,
  PUT_DECISIONS,
  PUT_EPOCH,
  PUT_OBJECTS,
  PUT_WORLD,
  WORLDS,
} from "./statements.ts";

/** How many rows go in one statement. */
const ROWS_MAX = 1_000;

/** The worlds in the database of a `PostgresStore`, which a server may have open. */
export class PostgresArchive implements Archive {
  readonly #pool: pg.Pool;
  #isClosed = false;

  /** Takes what the store takes. Nothing is connected before something is asked for. */
  constructor(database: string | pg.PoolConfig) {
    this.#pool = openPool(database);
  }

  copy(names?: readonly string[]): Promise<readonly WorldCopy[]> {
    return this.#transaction("ISOLATION LEVEL REPEATABLE READ READ ONLY", async (client) => {
      const { rows } = await client.query<NamedWorldRow>(WORLDS);
      const worlds: WorldCopy[] = [];
      for (const row of rows.filter(({ name }) => names?.includes(name) ?? true)) {
        const objects = await client.query<ObjectRow>(OBJECTS, [row.name]);
        const decisions = await client.query<DecisionRow>(DECISIONS, [row.name]);
        worlds.push(toCopy(row, objects.rows, decisions.rows));
      }
      return worlds;
    });
  }

  put(worlds: readonly WorldCopy[], isReplacing: boolean): Promise<void> {
    return this.#transaction("", async (client) => {
      // Whoever has one of them open waits here, and then finds that it was replaced.
      const { rows } = await client.query<NamedWorldRow>(`${WORLDS} FOR UPDATE`);
      for (const world of worlds) {
        if (!isReplacing) checkEmpty(world.name, rows);
        await put(client, world);
      }
    });
  }

  setEpochs(epochs: ReadonlyMap<string, string>): Promise<void> {
    return this.#transaction("", async (client) => {
      for (const [name, epoch] of epochs) {
        const { rowCount } = await client.query(PUT_EPOCH, [name, epoch]);
        if (rowCount !== 1) throw new SyncError("not_found", `there is no world ${name}`);
      }
    });
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#pool.end();
  }

  async #transaction<Result>(
    mode: string,
    work: (client: pg.PoolClient) => Promise<Result>,
  ): Promise<Result> {
    const client = await this.#pool.connect();
    try {
      await migrate(client);
      await client.query(`BEGIN ${mode}`);
      const result = await work(client);
      await client.query("COMMIT");
      client.release();
      return result;
    } catch (error) {
      client.release(true); // which rolls back
      throw error;
    }
  }
}

async function put(client: pg.PoolClient, world: WorldCopy): Promise<void> {
  const { name, epoch, seq, horizon, nextHandle, ledgerHorizon, schemaVersion } = world;
  const position = [seq, horizon, nextHandle, ledgerHorizon, schemaVersion];
  await client.query(PUT_WORLD, [name, epoch, ...position]);
  await client.query(DROP_OBJECTS, [name]);
  await client.query(DROP_DECISIONS, [name]);
  for (const objects of inParts([...world.objects])) {
    await client.query(PUT_OBJECTS, [name, ...objectColumns(objects)]);
  }
  for (const decisions of inParts([...world.decided])) {
    await client.query(PUT_DECISIONS, [name, ...decisionColumns(decisions)]);
  }
}

function* inParts<Item>(items: readonly Item[]): Iterable<readonly Item[]> {
  for (let i = 0; i < items.length; i += ROWS_MAX) yield items.slice(i, i + ROWS_MAX);
}
