import { setTimeout as sleep } from "node:timers/promises";
import type { Stage } from "../runner/stage.ts";
import { faultsOf, settle } from "./settle.ts";
import type { Outcome, Workload } from "./workload.ts";

const THINGS = 10_000;
const CHANGED = THINGS / 100;

export const resume: Workload = {
  name: "resume",
  title: "Resume: 1 % of 10,000 objects changed while a client was away",
  columns: [
    { key: "bytes", title: "bytes", digits: 0 },
    { key: "ms", title: "ms to whole", digits: 1 },
    { key: "share", title: "% of the snapshot's bytes", digits: 2 },
  ],
  // The others have no way to come back but to start anew.
  cases: (mode) => [
    {
      name: "10,000 objects",
      contestants: mode === "short" ? ["object-sync"] : ["object-sync", "yjs", "sharedb"],
      measure: comeBack,
    },
  ],
};

async function comeBack(open: () => Stage): Promise<Outcome> {
  const { server, crowd } = open();
  const port = await server.start();
  await server.addThings(THINGS);
  const snapshot = await crowd.join(port);
  let disagreeing = 0;
  let returned = snapshot;
  // The first time warms it up.
  for (let time = 0; time < 2; time += 1) {
    await crowd.leave();
    await sleep(300);
    await server.setHp(0, CHANGED, 500 + time);
    await sleep(100);
    returned = await crowd.comeBack();
    disagreeing += await settle(async () => crowd.disagreeing(await server.fingerprint()));
  }
  const { bytes, ms } = returned;
  return {
    values: { bytes, ms, share: (100 * bytes) / snapshot.bytes },
    faults: faultsOf(disagreeing),
  };
}
