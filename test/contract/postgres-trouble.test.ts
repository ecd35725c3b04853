import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "@jest/globals";
import pg from "pg";
import type { ObjectId } from "../../lib/object.ts";
import type { StoreBatch, StoredWorld } from "../../server/index.ts";
import { PostgresStore } from "../../server/stores/postgres/index.ts";
import { eventually } from "../support/eventually.ts";
import { LateNetwork } from "../support/late-network.ts";
import { TestPostgres } from "../support/postgres.ts";

/** Transactions that PostgreSQL gives up for another one's sake, and statements that arrive late. */

let postgres: TestPostgres;
let url: string;
let store: PostgresStore;
let world: StoredWorld;
/** The codes of all errors that the database has answered the store with. */
let answers: string[];
const closings: (() => unknown)[] = [];

beforeAll(async () => {
  postgres = await TestPostgres.start();
}, 120_000);

afterAll(() => postgres.stop());

beforeEach(async () => {
  url = await postgres.emptyPlace();
  answers = [];
});

afterEach(async () => {
  for (const close of closings.splice(0).reverse()) await close();
});

class WatchedClient extends pg.Client {
  constructor(config?: string | pg.ClientConfig) {
    super(config);
    const { connection } = this as unknown as { connection: NodeJS.EventEmitter };
    connection.on("errorMessage", ({ code }: { code: string }) => answers.push(code));
  }
}

async function open(connectionString = url, settings = ""): Promise<void> {
  const place = new URL(connectionString);
  const options = `${place.searchParams.get("options") ?? ""}${settings}`;
  place.searchParams.set("options", options);
  store = new PostgresStore({ connectionString: place.href, Client: WatchedClient });
  closings.push(() => store.close());
  world = await store.load("default", "epoch");
}

/** Another program on the same database, in the midst of a transaction. */
async function other(...statements: string[]): Promise<pg.Client> {
  const client = new pg.Client(url);
  await client.connect();
  closings.push(() => client.end());
  await client.query("BEGIN");
  for (const statement of statements) await client.query(statement);
  return client;
}

/** Until a session waits for a lock that this one has. */
async function isWaitedFor(client: pg.Client): Promise<void> {
  const sql = "SELECT 1 FROM pg_stat_activity WHERE pg_backend_pid() = ANY (pg_blocking_pids(pid))";
  await eventually(async () => (await client.query(sql)).rowCount === 1);
}

const kept = (): Promise<Record<string, unknown>[]> =>
  postgres.query(
    `SELECT seq::int, (SELECT count(*)::int FROM object_sync_objects) AS objects,
       (SELECT json_agg(properties->>'height') FROM object_sync_objects) AS heights
     FROM object_sync_worlds`,
    url,
  );

/** The world's one object, at this height. */
function batch(expectedSeq: number, height: number): StoreBatch {
  const seq = expectedSeq + 1;
  const revisions = [seq];
  const object = { id: "tree" as ObjectId, handle: 1, created: 1, revision: seq, forgotten: 0 };
  const objects = () => [{ ...object, properties: { height }, names: ["height"], revisions }];
  const nothing = {
    horizon: 0,
    decided: [],
    settled: () => [],
    forgotten: [],
    ledgerHorizon: 0,
    schemaVersion: 1,
  };
  return { ...nothing, term: world.term, expectedSeq, seq, nextHandle: 2, objects };
}

test("a batch that could not be serialised is tried again, and kept once", async () => {
  await open(url, " -c default_transaction_isolation=serializable");
  await store.commit("default", batch(0, 1));
  // The batch begins, and waits; then what it has read is no longer true.
  const before = await other("UPDATE object_sync_worlds SET epoch = epoch");
  const committed = store.commit("default", batch(1, 2));
  await isWaitedFor(before);
  await before.query("COMMIT");
  await committed;
  expect(answers).toEqual(["40001"]);
  expect(await kept()).toEqual([{ seq: 2, objects: 1, heights: ["2"] }]);
});

test("a batch that is given up in a deadlock is tried again, and kept once", async () => {
  await open();
  await store.commit("default", batch(0, 1));
  // The store has the world and waits for the object; the other has the object and waits for the world.
  const inTheWay = await other(
    "SET LOCAL deadlock_timeout = '1min'", // so that it is the store that is given up
    "UPDATE object_sync_objects SET created = created",
  );
  const committed = store.commit("default", batch(1, 2));
  await isWaitedFor(inTheWay);
  await inTheWay.query("UPDATE object_sync_worlds SET epoch = epoch");
  await inTheWay.query("COMMIT");
  await committed;
  expect(answers).toEqual(["40P01"]);
  expect(await kept()).toEqual([{ seq: 2, objects: 1, heights: ["2"] }]);
});

test.each([
  [4, "kept"],
  [5, "refused"],
])("a batch that is given up %d times is %s", async (times, becomes) => {
  await open();
  // A sequence goes on counting when a transaction is taken back.
  await postgres.query(
    `CREATE SEQUENCE tries;
     CREATE FUNCTION give_up() RETURNS trigger LANGUAGE plpgsql AS $$
       BEGIN
         IF nextval('tries') <= ${times} THEN RAISE EXCEPTION 'again' USING ERRCODE = '40001'; END IF;
         RETURN NEW;
       END $$;
     CREATE TRIGGER give_up BEFORE UPDATE ON object_sync_worlds
       FOR EACH ROW EXECUTE FUNCTION give_up();`,
    url,
  );
  const committed = store.commit("default", batch(0, 1));
  if (becomes === "kept") await committed;
  else await expect(committed).rejects.toMatchObject({ code: "40001" });
  expect(answers).toEqual(Array.from({ length: times }, () => "40001"));
  const seq = becomes === "kept" ? 1 : 0;
  expect(await kept()).toMatchObject([{ seq, objects: seq }]);
  await store.commit("default", batch(seq, 2)); // the store itself goes on
  expect(await kept()).toEqual([{ seq: seq + 1, objects: 1, heights: ["2"] }]);
});

test.each(["before", "after"])(
  "a statement that arrives after the store was told that it is not kept does nothing, %s the next batch",
  async (when) => {
    const network = await LateNetwork.to(Number(postgres.url.port));
    closings.push(() => network.close());
    const proxied = new URL(url);
    proxied.port = network.port;
    await open(proxied.href);
    network.keepBack();
    const lost = expect(store.commit("default", batch(0, 1))).rejects.toThrow("terminated");
    await network.breakForClient();
    await lost; // the database was asked, on another connection
    if (when === "after") await store.commit("default", batch(0, 2));
    await network.deliverLate();
    if (when === "before") {
      expect(await kept()).toEqual([{ seq: 0, objects: 0, heights: null }]);
      await store.commit("default", batch(0, 2));
    }
    expect(await kept()).toEqual([{ seq: 1, objects: 1, heights: ["2"] }]);
    expect(answers).toEqual([]);
  },
);
