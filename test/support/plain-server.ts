import { closeOnSignals, ObjectSyncServer } from "../../server/index.ts";
import { storeAt } from "./store-at.ts";

/**
 * A server as its own process, on the port that PORT names. Keeps its worlds in the file or
 * database that STORE names, if it names one, with the LIMITS that are given as JSON, and with the
 * namespaces that EPHEMERAL and SESSION_OBJECTS list. Says "port N" once it listens.
 */
const { PORT = "0", STORE, LIMITS = "{}", EPHEMERAL, SESSION_OBJECTS } = process.env;
const sync = new ObjectSyncServer({
  open: true,
  origins: "*", // the pages of browser tests are of other servers
  ephemeral: EPHEMERAL?.split(",") ?? [],
  sessionObjects: SESSION_OBJECTS?.split(",") ?? [],
  limits: JSON.parse(LIMITS) as Record<string, number>,
  ...(STORE !== undefined && { store: storeAt(STORE) }),
});
closeOnSignals(sync);
console.log(`port ${await sync.listen(Number(PORT))}`);
