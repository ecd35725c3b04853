import { jsonBytesOf, type NoteChange } from "../notes.ts";
import type { Stage } from "../runner/stage.ts";
import type { Case, Outcome, Workload } from "./workload.ts";

/** PouchDB needs minutes until both sides have 100,000 and know it. */
const TIMEOUT_MS = 900_000;
const UNTIL_QUIET_MAX = 5;

export const sync: Workload = {
  name: "sync",
  title: "Sync when told to: 1 % of the objects changed on each side",
  columns: [
    { key: "ms", title: "ms", digits: 0 },
    { key: "received", title: "bytes to the client", digits: 0 },
    { key: "sent", title: "bytes from it", digits: 0 },
    { key: "share", title: "× the JSON of what changed", digits: 2 },
    { key: "requests", title: "HTTP requests", digits: 0 },
    { key: "pulled", title: "pulled", digits: 0 },
    { key: "pushed", title: "pushed", digits: 0 },
    { key: "movedAgain", title: "by one more sync", digits: 0 },
    { key: "againMs", title: "its ms", digits: 0 },
    { key: "againBytes", title: "its bytes", digits: 0 },
    { key: "serverMs", title: "server CPU ms", digits: 0 },
    { key: "clientMs", title: "client CPU ms", digits: 0 },
    { key: "firstMs", title: "first sync, ms", digits: 0 },
  ],
  cases: (mode) => {
    const small = caseOf(10_000);
    return mode === "short" ? [small] : [small, caseOf(100_000)];
  },
};

function caseOf(count: number): Case {
  return {
    name: `${count.toLocaleString("en-US")} objects`,
    contestants: ["object-sync-visits", "pouchdb"],
    timeoutMs: TIMEOUT_MS,
    measure: (open) => visit(open, count),
  };
}

async function visit(open: () => Stage, count: number): Promise<Outcome> {
  const { server, crowd } = open();
  const port = await server.serveNotes();
  await server.addNotes(count);
  await crowd.openNotes(port);
  const { ms: firstMs } = await syncUntilQuiet(crowd);
  const changed = { step: 100, count: count / 100 };
  const faults: string[] = [];
  let values = {};
  // The first time warms it up.
  for (let turn = 0; turn < 2; turn += 1) {
    const here: NoteChange = { ...changed, first: 0, turn };
    const there: NoteChange = { ...changed, first: 50, turn };
    await crowd.changeNotes(here);
    await server.changeNotes(there);
    const before = { server: await server.usage(), crowd: await crowd.usage() };
    const { pulled, pushed, ms, received, sent, requests } = await crowd.syncNotes();
    const after = { server: await server.usage(), crowd: await crowd.usage() };
    const [mine, theirs] = await Promise.all([crowd.notesFingerprint(), server.notesFingerprint()]);
    if (mine !== theirs) faults.push(`client and server differ after a sync: ${mine}, ${theirs}`);
    const again = await crowd.syncNotes();
    values = {
      ms,
      received,
      sent,
      share: (received + sent) / (jsonBytesOf(here) + jsonBytesOf(there)),
      requests,
      pulled,
      pushed,
      movedAgain: again.pulled + again.pushed,
      againMs: again.ms,
      againBytes: again.received + again.sent,
      serverMs: (after.server.cpuMicros - before.server.cpuMicros) / 1000,
      clientMs: (after.crowd.cpuMicros - before.crowd.cpuMicros) / 1000,
      firstMs,
    };
  }
  return { values, faults };
}

/**
 * The first sync, and more until there is nothing left to tell: after the first one PouchDB still looks
 * through all that came, for something to push. Resolves with what the first one came to.
 */
async function syncUntilQuiet(crowd: Stage["crowd"]) {
  const first = await crowd.syncNotes();
  let { received } = first;
  for (let time = 0; time < UNTIL_QUIET_MAX; time += 1) {
    const next = await crowd.syncNotes();
    if (next.received >= received) break;
    ({ received } = next);
  }
  return first;
}
