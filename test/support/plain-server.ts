import { ObjectSyncServer } from "../../server/index.ts";
import { SqliteStore } from "../../server/stores/sqlite/index.ts";

/**
 * A server as its own process, on the port that PORT names. Keeps its worlds in the file that STORE
 * names, if it names one. Says "port N" once it listens.
 */
const { PORT = "0", STORE } = process.env;
const sync = new ObjectSyncServer({
  open: true,
  ...(STORE !== undefined && { store: new SqliteStore(STORE) }),
});
console.log(`port ${await sync.listen(Number(PORT))}`);
