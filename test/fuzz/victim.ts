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
  type Value,
} from "../../server/index.ts";
import { Accounts } from "../../server/plugins/accounts/index.ts";
import { grid } from "../../server/plugins/grid/index.ts";
import { jwt } from "../../server/plugins/jwt/index.ts";
import { leases } from "../../server/plugins/leases/index.ts";
import { persistenceSync } from "../../server/plugins/persistence-sync/index.ts";
import { Plasmid } from "../../server/plugins/plasmid/index.ts";
import { SqliteStore } from "../../server/stores/sqlite/index.ts";
import { isFault, plant, rulesWith } from "./planted-fault.ts";
import { StallProbe, type Delays } from "./stall-probe.ts";
import {
  ACCOUNTS,
  ADDRESS_HEADER,
  ARENA,
  ATTACKERS,
  DATABASES,
  HONEST,
  RESOURCES,
  secretOf,
  SERVICE,
  TOKEN_SECRET,
  tokenOf,
  TREES,
  userOf,
} from "./victim-world.ts";

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
  ledgerClientsMax: 50,
  tombstonesMax: 500,
  objectsMax: TREES + 3_000,
  shapesMax: 128,
  sessionGraceMs: 200,
};
/** Ids of objects that are not attackers'. */
const STAYS = new RegExp(`^(db:|lease:|lease-counter:|plasmid$|\\w+:${HONEST})`);
/** Objects that are removed at once. */
const SWEEP_COUNT = 20;
const PASSES = 4;
const FAULTS_TOLD_MAX = 20;
/** Less than the default, as an attack is over sooner. */
const BODY_TIMEOUT_MS = 1_000;
const SEEDED_AT_ONCE = 500;

let made = 0;
const handlers = {
  create: (object) =>
    object.id === undefined ? { ...object, id: `common:made-${++made}` } : undefined,
  fetch: async (ids) => {
    await nextLoop();
    return ids.map((id) => (/^db:\d\d?$/.test(id) ? { id, from: "database" } : null));
  },
} satisfies Handlers;

const accounts = new Accounts({
  cost: { N: 1_024, r: 8, p: 1 },
  rememberMs: 60_000,
  addressOf: ({ headers, address }) => String(headers[ADDRESS_HEADER] ?? address),
});
const byToken = jwt({ secret: TOKEN_SECRET, identity: ({ sub }) => ({ id: String(sub) }) });
const sync = new ObjectSyncServer({
  store: new SqliteStore(PLACE),
  worlds: [ARENA],
  ephemeral: ["shot"],
  sessionObjects: ["player"],
  rules: rulesWith(fault),
  conflicts: { card: "detect" },
  references: { card: ["parent", "parts"] },
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
sync.use(leases({ requestsPerClientMax: 20 }));
sync.use(new Plasmid({ accounts, paths: [SERVICE], bodyTimeoutMs: BODY_TIMEOUT_MS }).plugin);
sync.use(
  persistenceSync({
    resources: {
      ...Object.fromEntries(
        Object.entries(RESOURCES).map(([path, namespace]) => [path, { namespace }]),
      ),
      "/open": { namespace: RESOURCES["/open"], filter: { at: { $gte: 10 } } },
    },
    bodyTimeoutMs: BODY_TIMEOUT_MS,
    authenticate: ({ headers }) => {
      const { authorization = "" } = headers;
      const token = /^Bearer (.*)$/.exec(authorization)?.[1];
      if (token === undefined) return { id: "nobody" };
      return byToken({ auth: token });
    },
  }),
);
sync.use(
  grid({
    world: ARENA,
    namespaces: ["player"],
    cellSize: 100,
    radius: ({ level }) => (typeof level === "number" ? level : 150),
    radiusMax: 500,
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

function treeOf(i: number): { id: string } & Record<string, Value | undefined> {
  return { id: `tree:${HONEST}${i}`, at: i, text: `a tree, number ${i}`, by: "nobody" };
}

/** Takes out of the trees what attackers have written there, who may not destroy them. */
async function prune(): Promise<void> {
  for (let i = 0; i < TREES; i++) {
    const tree = treeOf(i);
    const names = Object.keys(sync.get(tree.id) ?? {}).filter((name) => !Object.hasOwn(tree, name));
    for (const name of names) tree[name] = undefined;
    const isAsItWas = Object.entries(tree).every(
      ([name, value]) => sync.get(tree.id)?.[name] === value,
    );
    if (names.length > 0 || !isAsItWas) await sync.update(tree);
  }
}

async function sweep(): Promise<number> {
  let count = 0;
  await prune();
  const [eves, evesSmall] = DATABASES.map((name) =>
    sync.world(`plasmid:${name}`, { private: true }),
  );
  for (const world of [...worlds, eves, evesSmall]) {
    if (world === undefined) continue;
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
for (const name of ACCOUNTS) await accounts.create(name, secretOf(name));
for (const permission of ["CreateDatabase", "ReadDatabase", "WriteDatabase"]) {
  for (const name of ATTACKERS) await accounts.grant(name, permission, "eves*");
  await accounts.grant("olga", permission, "olgas");
}
for (const name of ATTACKERS) await accounts.grant(name, "DatabaseQuota", "eves-small", "20000");
for (let at = 0; at < TREES; at += SEEDED_AT_ONCE) {
  await sync.transaction((tx) => {
    for (let i = at; i < at + SEEDED_AT_ONCE; i++) {
      tx.create(treeOf(i));
    }
  });
}
const port = await sync.listen(Number(PORT));
// What is remembered of each who asks over HTTP is there from the beginning.
for (const user of ATTACKERS) {
  const headers = { authorization: `Bearer ${await tokenOf(user)}` };
  for (const path of Object.keys(RESOURCES)) {
    await (await fetch(`http://localhost:${port}${path}`, { headers })).text();
  }
}
const probe = new StallProbe();
console.log(`port ${port}`);
