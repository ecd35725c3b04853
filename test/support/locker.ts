import { ObjectSync } from "../../client/index.ts";
import { Leases } from "../../client/plugins/leases/index.ts";

/**
 * A client as its own process, of the server at URL: takes the lease NAME, and says "fence N". Then it
 * writes its fence into the object "work", naming the lease, again and again, until a write is refused.
 */
const { URL: url, NAME = "work", TTL_MS = "1000" } = process.env;
const sync = new ObjectSync(url);
await sync.whenSynced();
const lease = await new Leases(sync).lock(NAME, { ttlMs: Number(TTL_MS), note: "a process" });
console.log(`fence ${lease.fence}`);
void lease.lost.then(({ code }) => console.log(`told ${code}`));
for (let n = 1; ; n++) {
  try {
    await lease.transaction((tx) => tx.update({ id: "work", by: lease.fence, n }));
    if (n === 1) console.log("working");
  } catch (error) {
    console.log(`refused ${(error as { code: string }).code}, held: ${String(lease.isHeld)}`);
    break;
  }
  await new Promise((resolve) => setTimeout(resolve, 20));
}
await lease.lost;
await sync.close();
