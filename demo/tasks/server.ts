import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { resolve } from "node:path";
import { closeOnSignals, ObjectSyncServer } from "../../server/index.ts";
import { SqliteStore } from "../../server/stores/sqlite/index.ts";
import { neighbourUrls, portFrom } from "../addresses.ts";
import { servePages } from "../pages.ts";
import { pageFiles } from "./files.ts";
import { taskNamespace, tasksToBeginWith } from "./model.ts";
import { taskSchemas } from "./schema.ts";

/**
 * The task list: devices that are offline as long as they like, and a person who settles what they
 * have made of the same task. `npm run tasks` runs this file. The server decides nothing of that: it
 * refuses what collides, and the device asks its person.
 */
async function start(): Promise<void> {
  const http = createServer(servePages(await pageFiles()));
  http.listen(portFrom(process.env["PORT"], 3000));
  await once(http, "listening"); // before the world is opened, which takes it from another server
  const file = resolve(process.env["WORLD"] ?? "tasks.db");
  const sync = new ObjectSyncServer({
    store: new SqliteStore(file),
    conflicts: { [taskNamespace]: "detect" },
    open: true, // to everybody who finds it, for whatever is a task
  });
  sync.use(taskSchemas);
  sync.on("error", (error) => {
    console.error("object-sync:", error);
    if (error.code === "deposed") process.exit(1); // another server has opened the same file
  });
  await sync.world("default").opened();
  if (sync.allObjects().size === 0) {
    await sync.transaction((tx) => {
      for (const task of tasksToBeginWith(Date.now())) tx.create(task);
    });
  }
  sync.attach(http);
  closeOnSignals(sync);

  const { port } = http.address() as AddressInfo;
  console.log(`\n  Tasks on two phones:  http://localhost:${port}\n`);
  for (const url of neighbourUrls(port)) console.log(`  On this network:      ${url}`);
  console.log(`  The server keeps them in ${file}. Ctrl+C ends it.\n`);
}

start().catch((problem: unknown) => {
  console.error(problem instanceof Error ? problem.message : problem);
  process.exit(1);
});
