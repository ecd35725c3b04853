import { ObjectSyncServer } from "../../server/index.ts";

/** A server as its own process, on the port that PORT names. Says "port N" once it listens. */
const sync = new ObjectSyncServer({ open: true });
console.log(`port ${await sync.listen(Number(process.env["PORT"] ?? 0))}`);
