import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setImmediate as nextLoop } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { ObjectSyncServer } from "../../server/index.ts";

/*
 * A process of its own whose memory is that of servers and of nothing else. Says "port N" once it
 * listens. GET /churn/<server>/<round> writes all rounds up to this one, one by one, and answers with
 * the most bytes of memory that it has seen meanwhile.
 */

const ROUND_BYTES = 200 * 1024;
const LOOK_EVERY_ROUNDS = 40;
const PASSES = 4;

// Each write is a flush: what is sent does not depend on how fast the machine is.
const open = { open: true, flush: 0 } as const;
const servers: Readonly<Record<string, ObjectSyncServer>> = {
  capped: new ObjectSyncServer({ ...open, path: "/capped" }),
  uncapped: new ObjectSyncServer({
    ...open,
    path: "/uncapped",
    limits: { waitingBytesMax: Number.MAX_SAFE_INTEGER },
  }),
};

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

/** A text of its own each time, so that nothing can be shared. */
function text(round: number): string {
  return String(round)
    .padStart(10, "0")
    .repeat(ROUND_BYTES / 10);
}

/**
 * What cannot be given back. V8 counts a buffer until a later collection has swept it, so that only
 * the least of several readings is not garbage.
 */
async function memoryBytes(): Promise<number> {
  let least = Infinity;
  for (let pass = 0; pass < PASSES; pass++) {
    collectGarbage();
    const { heapUsed, external } = process.memoryUsage();
    least = Math.min(least, heapUsed + external);
    await nextLoop();
  }
  return least;
}

async function churn(sync: ObjectSyncServer, until: number): Promise<number> {
  const object = sync.get("large") ?? (await sync.create({ id: "large", round: 0, text: "" }));
  let peak = 0;
  for (let round = Number(object["round"]) + 1; round <= until; round++) {
    await sync.update({ id: "large", round, text: text(round) });
    if (round % LOOK_EVERY_ROUNDS === 0) peak = Math.max(peak, await memoryBytes());
  }
  return peak;
}

async function answer(url: string): Promise<string> {
  const [, , name = "", round] = url.split("/");
  const sync = servers[name];
  if (sync === undefined) throw new Error(`there is no server ${name}`);
  return String(await churn(sync, Number(round)));
}

const http = createServer((request, response) => {
  answer(request.url ?? "").then(
    (peak) => response.end(peak),
    (error: unknown) => response.writeHead(500).end(String(error)),
  );
});
for (const sync of Object.values(servers)) sync.attach(http);
http.listen(Number(process.env["PORT"] ?? 0), () => {
  console.log(`port ${(http.address() as AddressInfo).port}`);
});
