import { setImmediate as nextLoop } from "node:timers/promises";
import { inspect } from "node:util";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { z } from "zod";
import { jsonSchema } from "../../schema/json/index.ts";
import { schemas } from "../../schema/index.ts";
import {
  closeOnSignals,
  ObjectSyncServer,
  SyncError,
  type Handlers,
  type HostedWorld,
  type SyncObject,
} from "../../server/index.ts";
import { Accounts } from "../../server/plugins/accounts/index.ts";
import { grid } from "../../server/plugins/grid/index.ts";
import { jwt } from "../../server/plugins/jwt/index.ts";
import { SqliteStore } from "../../server/stores/sqlite/index.ts";
import { isFault, plant, rulesWith } from "./planted-fault.ts";
import { StallProbe, type Delays } from "./stall-probe.ts";
import { ARENA, HONEST, TOKEN_SECRET, userOf } from "./victim-world.ts";

/*
 * The server under attack, as a process of its own with as much of object-sync behind it as there is.
 * Says "port N" once it listens; what else it is asked for, it answers by messages between processes.
 * It catches nothing: what would end a server ends it.
 */

/** What it has to complain of, since it began. */
export interface Complaints {
  readonly delays: Delays;
  /** Errors that are no answer to anybody, but were caught by a guard. */
  readonly faults: readonly string[];
}

/** What it tells of itself. */
export interface Measurement extends Complaints {
  /** What cannot be given back. */
  readonly heapBytes: number;
  readonly sessions: number;
  /** Sockets, timers and whatever else keeps a process alive, by their kinds. */
  readonly resources: Readonly<Record<string, number>>;
}

export interface Answers {
  complaints: Complaints;
  measure: Measurement;
  /** Removes what attackers have left; tells how much it was. */
  sweep: number;
  /** Puts handlers in the way of writes, or takes them away; tells whether they are there now. */
  switchHandlers: boolean;
  /** All objects of the two worlds. */
  objects: readonly (readonly SyncObject[])[];
}

const { PORT = "0", PLACE = "", FAULT = "" } = process.env;
const fault = isFault(FAULT) ? FAULT : undefined;

/** The defaults are those of production; less only where something may pile up for long by design. */
const LIMITS = {
  ledgerClientsMax: 200,
  tombstonesMax: 500,
  objectsMax: 2_000,
  shapesMax: 128,
  sessionGraceMs: 200,
};
/** Ids of objects that are not attackers'. */
const STAYS = new RegExp(`^(db:|\\w+:${HONEST})`);
/** Objects that are removed at once. */
const SWEEP_COUNT = 20;
const PASSES = 4;
const FAULTS_TOLD_MAX = 20;

let made = 0;
const handlers = {
  create: (object) =>
    object.id === undefined ? { ...object, id: `common:made-${++made}` } : undefined,
  fetch: async (ids) => {
    await nextLoop();
    return ids.map((id) => (/^db:\d\d?$/.test(id) ? { id, from: "database" } : null));
  },
} satisfies Handlers;

const accounts = new Accounts({ cost: { N: 1_024, r: 8, p: 1 } });
const byToken = jwt({ secret: TOKEN_SECRET, identity: ({ sub }) => ({ id: String(sub) }) });
const sync = new ObjectSyncServer({
  store: new SqliteStore(PLACE),
  worlds: [ARENA],
  ephemeral: ["shot"],
  sessionObjects: ["player"],
  rules: rulesWith(fault),
  channels: ({ owner }) => (typeof owner === "string" ? `of:${owner}` : undefined),
  authenticate: (credentials) => {
    const { auth } = credentials;
    const isAccount = typeof auth === "object" && auth !== null && "name" in auth;
    return isAccount ? accounts.authenticate(credentials) : byToken(credentials);
  },
  limits: LIMITS,
});
sync.use(accounts.plugin);
const Note = z.looseObject({ owner: z.string(), text: z.string().optional() });
const Player = jsonSchema({
  type: "object",
  properties: { owner: { type: "string" }, x: { type: "number" }, y: { type: "number" } },
  required: ["owner"],
});
sync.use(schemas({ note: Note, player: Player }));
sync.use(
  grid({
    world: ARENA,
    namespaces: ["player"],
    cellSize: 100,
    radius: 150,
    follow: ({ identity }) => `player:${HONEST}${userOf(identity)}`,
    besides: () => [{ namespace: "note" }],
  }),
);

const worlds: readonly HostedWorld[] = [sync.world("default"), sync.world(ARENA)];
let sessions = 0;
const faults: string[] = [];
for (const world of worlds) {
  world.on("connect", () => (sessions += 1));
  world.on("disconnect", () => (sessions -= 1));
  world.on("error", (error) => {
    const isOwn = error.cause === undefined || error.cause instanceof SyncError;
    if (isOwn || faults.length >= FAULTS_TOLD_MAX) return;
    faults.push(`fault behind a guard: ${inspect(error)}`);
  });
}
plant(fault, worlds);

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

/** The least of several readings: V8 counts a buffer until a later collection has swept it. */
async function heapBytes(): Promise<number> {
  let least = Infinity;
  for (let pass = 0; pass < PASSES; pass++) {
    collectGarbage();
    const { heapUsed, external } = process.memoryUsage();
    least = Math.min(least, heapUsed + external);
    await nextLoop();
  }
  return least;
}

async function measure(): Promise<Measurement> {
  const resources: Record<string, number> = {};
  for (const kind of process.getActiveResourcesInfo()) {
    resources[kind] = (resources[kind] ?? 0) + 1;
  }
  const bytes = await probe.excuse(heapBytes);
  return { heapBytes: bytes, sessions, resources, ...complaints() };
}

function complaints(): Complaints {
  return { delays: probe.delays, faults };
}

let areHandling = false;

function switchHandlers(): boolean {
  areHandling = !areHandling;
  sync.setHandler("create", areHandling ? handlers.create : undefined);
  sync.setHandler("fetch", areHandling ? handlers.fetch : undefined);
  return areHandling;
}

async function sweep(): Promise<number> {
  let count = 0;
  for (const world of worlds) {
    const ids = [...world.allObjects().keys()].filter((id) => !STAYS.test(id));
    count += ids.length;
    while (ids.length > 0) {
      await Promise.all(ids.splice(0, SWEEP_COUNT).map((id) => world.destroy(id)));
    }
  }
  return count;
}

const answers: { readonly [What in keyof Answers]: () => unknown } = {
  complaints,
  measure,
  sweep,
  switchHandlers,
  objects: () =>
    worlds.map((world) => Array.from(world.allObjects().values(), (one) => ({ ...one }))),
};

process.on("message", ({ what, number }: { what: keyof Answers; number: number }) => {
  void Promise.resolve(answers[what]()).then((answer) => process.send?.({ number, answer }));
});
process.on("disconnect", () => process.exit(1)); // nobody is there to end it
closeOnSignals(sync);
await accounts.create("carl", "a secret of Carl's");
const port = await sync.listen(Number(PORT));
const probe = new StallProbe();
console.log(`port ${port}`);
