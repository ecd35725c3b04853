import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { closeOnSignals, ObjectSyncServer } from "../server/index.ts";
import { neighbourUrls, portFrom } from "./addresses.ts";
import { removeAvatarsOfTheGone } from "./avatars.ts";
import { bundlePage } from "./bundle.ts";
import { servePages } from "./pages.ts";
import { seedObjects } from "./world.ts";

/** The arena: one page, one world, everybody in it. `npm start` runs this file. */

/** A game needs no more than thirty pictures a second from its server: pages fill in the rest. */
const flushEveryMs = 33;

async function start(): Promise<void> {
  const wanted = portFrom(process.env["PORT"], 3000);
  const http = createServer(servePages(await bundlePage()));
  // Anyone may do anything here: it is a playground. (What may be done is a later matter.)
  const sync = new ObjectSyncServer({ flush: flushEveryMs, open: true });
  sync.on("error", (error) => {
    console.error("object-sync:", error);
  });
  removeAvatarsOfTheGone(sync);
  await sync.transaction((tx) => {
    for (const object of seedObjects()) tx.create(object);
  });
  sync.attach(http);
  closeOnSignals(sync);

  http.on("error", (error: NodeJS.ErrnoException) => {
    fail(error.code === "EADDRINUSE" ? taken(wanted) : error.message);
  });
  http.listen(wanted, () => {
    const { port } = http.address() as AddressInfo;
    console.log(`\n  The arena is open:  http://localhost:${port}\n`);
    for (const url of neighbourUrls(port)) console.log(`  On this network:    ${url}`);
    console.log("  Open it twice to see two players. Ctrl+C ends it.\n");
  });
}

function taken(port: number): string {
  const other = String(port < 65_535 ? port + 1 : 3000);
  return `Port ${port} is taken. Choose another one: PORT=${other} npm start`;
}

function fail(problem: unknown): void {
  console.error(problem instanceof Error ? problem.message : problem);
  process.exit(1);
}

start().catch(fail);
