import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "@jest/globals";
import { eventually } from "../support/eventually.ts";
import { TestPostgres } from "../support/postgres.ts";
import { ServerProcess } from "../support/server-process.ts";
import { Stage, urlOf } from "../support/stage.ts";
import { NO_DISAGREEMENTS, WriteLoad } from "../support/write-load.ts";

const stage = new Stage();
let postgres: TestPostgres;
let folder: string;

beforeAll(async () => {
  postgres = await TestPostgres.start();
  folder = mkdtempSync(join(tmpdir(), "object-sync-"));
}, 120_000);

afterAll(async () => {
  await postgres.stop();
  rmSync(folder, { recursive: true });
});

afterEach(() => stage.clear());

async function start(
  file: string,
  env: Readonly<Record<string, string>>,
  port = 0,
): Promise<ServerProcess> {
  const server = await ServerProcess.start(`test/support/${file}`, /port (\d+)/, port, env);
  stage.afterwards(() => server.kill());
  return server;
}

const CLIENTS = 4;
const ROUNDS = 3;
const ACKNOWLEDGED_BETWEEN = 60;

const places = {
  sqlite: () => Promise.resolve(join(folder, "worlds.db")),
  postgres: () => postgres.emptyPlace(),
};

test.each(["sqlite", "postgres"] as const)(
  "%s: SIGTERM under load ends with 0; what was acknowledged is kept, and the next server goes on",
  async (name) => {
    const STORE = await places[name]();
    let server = await start("plain-server.ts", { STORE });
    const { port } = server;
    const clients = Array.from({ length: CLIENTS }, () => stage.client(urlOf(port)));
    const reasons = new Set<string | undefined>();
    for (const client of clients) client.on("disconnect", (reason) => reasons.add(reason?.code));
    const load = new WriteLoad(clients);

    for (let round = 0; round < ROUNDS; round++) {
      const until = load.acknowledged.size + ACKNOWLEDGED_BETWEEN + round;
      await eventually(() => load.acknowledged.size >= until || load.refused.length > 0);
      expect(await server.stop()).toBe(0);
      server = await start("plain-server.ts", { STORE }, port);
    }
    const counts = await load.end();
    expect(await server.stop()).toBe(0);
    expect(load.refused).toEqual([]);
    expect(await load.disagreements(STORE, counts)).toEqual(NO_DISAGREEMENTS);
    expect([...reasons]).toEqual(["unavailable"]); // each was told, and none just cut off
  },
  120_000,
);

test("a second signal ends a server at once that waits for a handler", async () => {
  const server = await start("stuck-server.ts", {});
  const code = await eventually(() => {
    server.signal("SIGTERM");
    return server.exitCode ?? undefined;
  });
  expect(code).toBe(143);
});

test("a server that cannot be closed ends in time, and says so", async () => {
  const server = await start("stuck-server.ts", { STUCK: "store", CLOSE_TIMEOUT_MS: "1500" });
  expect(await server.stop()).toBe(1);
  expect(server.output).toContain("not closed within 1.5 s");
});
