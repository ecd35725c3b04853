import { ObjectSyncServer, type Store } from "../../server/index.ts";
import { storeAt } from "./store-at.ts";

/**
 * A server as its own process that ends, as `kill -9` does it, at one operation of its store: DIE_AT is
 * "load 1 before", "commit 3 after" and the like. Otherwise it is like the plain one.
 */
const { PORT = "0", STORE = "", DIE_AT } = process.env;

const counts = { load: 0, commit: 0 };

/** Does an operation of the store, unless it is the one to die before; or dies after it. */
async function survive<Result>(
  name: keyof typeof counts,
  operate: () => Result | Promise<Result>,
): Promise<Result> {
  counts[name] += 1;
  dieAt(`${name} ${counts[name]} before`);
  const result = await operate();
  dieAt(`${name} ${counts[name]} after`);
  return result;
}

function dieAt(moment: string): void {
  if (moment === DIE_AT) process.kill(process.pid, "SIGKILL");
}

const inner = storeAt(STORE);
const store: Store = {
  capabilities: inner.capabilities,
  load: (world, newEpoch) => survive("load", () => inner.load(world, newEpoch)),
  commit: (world, batch) => survive("commit", () => inner.commit(world, batch)),
  close: () => inner.close(),
};
const sync = new ObjectSyncServer({ open: true, store });
console.log(`port ${await sync.listen(Number(PORT))}`);
