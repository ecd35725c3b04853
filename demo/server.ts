import { once } from "node:events";
import { createServer, type Server as HttpServer } from "node:http";
import type { AddressInfo } from "node:net";
import { resolve } from "node:path";
import { closeOnSignals, ObjectSyncServer } from "../server/index.ts";
import { SqliteStore } from "../server/stores/sqlite/index.ts";
import { neighbourUrls, portFrom } from "./addresses.ts";
import { bundlePage } from "./bundle.ts";
import { takeCensus } from "./census.ts";
import { fog } from "./fog.ts";
import { censusNamespace, playerNamespace, whisperNamespace } from "./kinds.ts";
import { servePages } from "./pages.ts";
import { authenticate, servePasses } from "./pass.ts";
import { arenaRules } from "./rules.ts";
import { seedObjects } from "./world.ts";

/** The arena: one page, one world, everybody in it. `npm start` runs this file. */

/** A game needs no more than thirty pictures a second from its server: pages fill in the rest. */
const flushEveryMs = 33;

/** A player whose network is gone for a moment stays where it is. */
const playersStayMs = 1_500;

async function start(): Promise<void> {
  const wanted = portFrom(process.env["PORT"], 3000);
  const file = resolve(process.env["WORLD"] ?? "arena.db");
  const http = createServer(servePasses(servePages(await bundlePage())));
  // Before the world is opened: whoever opens it takes it from a server that has it already.
  await listen(http, wanted);
  const sync: ObjectSyncServer = new ObjectSyncServer({
    flush: flushEveryMs,
    authenticate,
    rules: arenaRules((id) => typeof id === "string" && sync.get(id) !== undefined),
    store: new SqliteStore(file),
    sessionObjects: [playerNamespace, whisperNamespace],
    ephemeral: [censusNamespace],
    limits: { sessionGraceMs: playersStayMs },
  });
  sync.on("error", (error) => {
    if (error.code === "deposed")
      fail(`Another server has opened ${file}: give one of them WORLD.`);
    console.error("object-sync:", error);
  });
  await sync.world("default").opened();
  if (sync.allObjects().size === 0) {
    await sync.transaction((tx) => {
      for (const object of seedObjects()) tx.create(object);
    });
  }
  sync.use(fog());
  await takeCensus(sync);
  sync.attach(http);
  closeOnSignals(sync);

  const { port } = http.address() as AddressInfo;
  console.log(`\n  The arena is open:  http://localhost:${port}\n`);
  for (const url of neighbourUrls(port)) console.log(`  On this network:    ${url}`);
  console.log(`  Its world is in     ${file}`);
  console.log("  Open it twice to see two players, or with /?watch to see all. Ctrl+C ends it.\n");
}

async function listen(http: HttpServer, port: number): Promise<void> {
  http.on("error", (error: NodeJS.ErrnoException) => {
    fail(error.code === "EADDRINUSE" ? taken(port) : error.message);
  });
  http.listen(port);
  await once(http, "listening");
}

function taken(port: number): string {
  const other = String(port < 65_535 ? port + 1 : 3000);
  return `Port ${port} is taken. Choose another one: PORT=${other} npm start`;
}

function fail(problem: unknown): never {
  console.error(problem instanceof Error ? problem.message : problem);
  process.exit(1);
}

start().catch(fail);
