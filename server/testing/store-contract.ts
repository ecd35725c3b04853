import assert from "node:assert/strict";
import { SyncError, type ObjectId, type Properties, type Value } from "../../lib/index.ts";
import type {
  DecidedMutation,
  ObjectRecord,
  Outcome,
  Store,
  StoreBatch,
  StoredWorld,
} from "../stores/store.ts";
import { StoreModel } from "./store-model.ts";

/** Where a store keeps its worlds: a file, a database, the memory of a process. */
export interface StoreMedium {
  /** A store on this medium, as a server that has just started makes it. */
  open(): Store | Promise<Store>;
  /** Called once, when everything that was opened is closed. */
  remove(): void | Promise<void>;
}

/** One thing that every store must do. Rejects with what is wrong. */
export interface StoreCheck {
  readonly name: string;
  readonly run: () => Promise<void>;
}

const WORLD = "arena";
const ACCEPTED: Outcome = { kind: "accepted" };

/**
 * The checks that every store must pass, to be run by any test runner. `makeMedium` makes an empty
 * medium for each of them.
 *
 * ```ts
 * for (const { name, run } of storeContract(() => emptyDatabase())) test(name, run);
 * ```
 */
export function storeContract(makeMedium: () => StoreMedium | Promise<StoreMedium>): StoreCheck[] {
  return CHECKS.map(([name, check]) => ({
    name,
    run: async () => {
      const stage = new Stage(await makeMedium());
      try {
        await check(stage);
      } finally {
        await stage.end();
      }
    },
  }));
}

/** A medium and the stores that were opened on it. */
class Stage {
  readonly #medium: StoreMedium;
  readonly #open = new Set<Store>();

  constructor(medium: StoreMedium) {
    this.#medium = medium;
  }

  async open(): Promise<Store> {
    const store = await this.#medium.open();
    this.#open.add(store);
    return store;
  }

  async close(store: Store): Promise<void> {
    this.#open.delete(store);
    await store.close();
  }

  /** The world as the next server finds it; undefined if it finds none, as is right. */
  async reopened(store: Store, world = WORLD): Promise<StoredWorld | undefined> {
    const { durable } = store.capabilities;
    await this.close(store);
    const next = await this.open();
    const stored = await next.load(world, "next epoch");
    if (durable) return stored;
    assert.equal(stored.epoch, "next epoch", "a world that was not kept has a new epoch");
    return undefined;
  }

  async end(): Promise<void> {
    for (const store of this.#open) await store.close();
    await this.#medium.remove();
  }
}

const CHECKS: readonly (readonly [name: string, check: (stage: Stage) => Promise<void>])[] = [
  [
    "a new world has the epoch that it is given, and nothing in it",
    async (stage) => {
      const world = await (await stage.open()).load(WORLD, "first epoch");
      const { epoch, term, seq, horizon, nextHandle, ledgerHorizon, schemaVersion } = world;
      assert.deepEqual([epoch, term, seq, horizon, nextHandle], ["first epoch", 1, 0, 0, 1]);
      assert.deepEqual([ledgerHorizon, schemaVersion], [0, 1]);
      assert.deepEqual([[...world.objects], [...world.decided]], [[], []]);
    },
  ],
  [
    "what was committed is there when the world is opened again, in the order of its revisions",
    async (stage) => {
      const store = await stage.open();
      const { term } = await store.load(WORLD, "first epoch");
      const tree = record(1, 1, { kind: "tree", height: 3 });
      const stone = record(2, 2, { kind: "stone" });
      await store.commit(WORLD, batch({ term, to: 2, objects: [tree, stone], horizon: 1 }));
      const grown = { ...tree, revision: 3, properties: { kind: "tree", height: 4 } };
      await store.commit(WORLD, batch({ term, from: 2, to: 3, objects: [grown], horizon: 1 }));
      const world = await stage.reopened(store);
      if (world === undefined) return;
      const { epoch, seq, horizon, nextHandle } = world;
      assert.deepEqual([epoch, seq, horizon, nextHandle], ["first epoch", 3, 1, 103]);
      assert.deepEqual([...world.objects], [stone, grown]);
    },
  ],
  [
    "every value comes back as it was",
    async (stage) => {
      const store = await stage.open();
      const { term } = await store.load(WORLD, "first epoch");
      const objects = VALUES.map((value, i) =>
        record(i + 1, i + 1, { value, [NAMES[i] ?? "n"]: 1 }),
      );
      await store.commit(WORLD, batch({ term, to: objects.length, objects }));
      const world = await stage.reopened(store);
      if (world !== undefined) assert.deepEqual([...world.objects], objects);
    },
  ],
  [
    "a tombstone stays until the horizon has passed it",
    async (stage) => {
      const store = await stage.open();
      const { term } = await store.load(WORLD, "first epoch");
      const [early, late] = [record(1, 1, null), record(2, 2, null)];
      await store.commit(WORLD, batch({ term, to: 2, objects: [early, late] }));
      await store.commit(WORLD, batch({ term, from: 2, to: 2, horizon: 1 }));
      const world = await stage.reopened(store);
      if (world !== undefined) assert.deepEqual([...world.objects], [late]);
    },
  ],
  [
    "the decisions on each client's writes come back, in their order",
    async (stage) => {
      const store = await stage.open();
      const { term } = await store.load(WORLD, "first epoch");
      const renamed = new Map([["draft", "row:1"]]) as Map<ObjectId, ObjectId>;
      const error = { code: "refused", message: "no \u0000", id: "a", property: "x" } as const;
      const decided: DecidedMutation[] = [
        decision("ann", 1, ACCEPTED, "7"),
        decision("ann", 2, { kind: "accepted", renamed }, "7"),
        decision("ann", 10, { kind: "rejected", error }, "7"),
        decision("bob", 1, ACCEPTED, 7),
        decision("bob", 2, ACCEPTED),
      ].map((one) => ({ ...one, seq: 2 ** 50 + one.n }));
      const at = 2 ** 50 + 10;
      await store.commit(WORLD, batch({ term, to: at, decided: decided.slice(0, 3) }));
      await store.commit(WORLD, batch({ term, from: at, decided: decided.slice(3) }));
      const world = await stage.reopened(store);
      if (world === undefined) return;
      const found = [...world.decided].map((one) => ({ ...one, owner: one.owner }));
      const of = (id: string): DecidedMutation[] => found.filter(({ clientId }) => clientId === id);
      assert.deepEqual([...of("ann"), ...of("bob")], decided);
    },
  ],
  [
    "decisions that the client knows may go, others stay",
    async (stage) => {
      const store = await stage.open();
      const { term } = await store.load(WORLD, "first epoch");
      const numbers = [1, 2, 3].map((n) => decision("ann", n, ACCEPTED));
      await store.commit(
        WORLD,
        batch({ term, decided: [...numbers, decision("bob", 1, ACCEPTED)] }),
      );
      const settled = [{ clientId: "ann", n: 2 }];
      await store.commit(WORLD, batch({ term, decided: [decision("ann", 4, ACCEPTED)], settled }));
      const world = await stage.reopened(store);
      if (world === undefined) return;
      const kept = [...world.decided].map(({ clientId, n }) => `${clientId} ${n}`);
      for (const one of ["ann 3", "ann 4", "bob 1"]) assert(kept.includes(one), `${one} is gone`);
    },
  ],
  [
    "nothing of a client that is forgotten is kept, and all of the others",
    async (stage) => {
      const store = await stage.open();
      const { term } = await store.load(WORLD, "first epoch");
      const of = (clientId: string, ...numbers: number[]): DecidedMutation[] =>
        numbers.map((n) => decision(clientId, n, ACCEPTED));
      const others = [...of("bob", 1), ...of("ann2", 1), ...of("Ann", 1)];
      await store.commit(WORLD, batch({ term, decided: [...of("ann", 1, 2, 3), ...others] }));
      const forgotten = ["ann", "nobody"];
      await store.commit(WORLD, batch({ term, forgotten, decided: of("eve", 1) }));
      await store.commit(WORLD, batch({ term, decided: of("ann", 2) })); // it begins anew
      const world = await stage.reopened(store);
      if (world === undefined) return;
      const kept = [...world.decided].map(({ clientId, n }) => `${clientId} ${n}`).sort();
      assert.deepEqual(kept, ["Ann 1", "ann 2", "ann2 1", "bob 1", "eve 1"]);
    },
  ],
  [
    "the ledger's horizon is as the last batch has left it",
    async (stage) => {
      const store = await stage.open();
      const { term } = await store.load(WORLD, "first epoch");
      await store.commit(WORLD, batch({ term, to: 2 ** 40, ledgerHorizon: 2 ** 40 }));
      await store.commit(WORLD, batch({ term, from: 2 ** 40, ledgerHorizon: 2 ** 40 + 1 }));
      await isDeposed(store, batch({ term, from: 2, ledgerHorizon: 2 ** 41 }));
      const world = await stage.reopened(store);
      if (world !== undefined) assert.equal(world.ledgerHorizon, 2 ** 40 + 1);
    },
  ],
  [
    "the version of the schema is as the last batch has left it",
    async (stage) => {
      const store = await stage.open();
      const { term } = await store.load(WORLD, "first epoch");
      await store.commit(WORLD, batch({ term, to: 1, schemaVersion: 3 }));
      await isDeposed(store, batch({ term, from: 7, schemaVersion: 4 }));
      const world = await stage.reopened(store);
      if (world !== undefined) assert.equal(world.schemaVersion, 3);
    },
  ],
  [
    "a batch that does not follow on what is kept is refused as deposed, as a whole",
    async (stage) => {
      const store = await stage.open();
      const { term } = await store.load(WORLD, "first epoch");
      const bob = [decision("bob", 1, ACCEPTED, "7")];
      const first = { to: 1, objects: [record(1, 1, { x: 1 })], decided: bob };
      await store.commit(WORLD, batch({ term, ...first }));
      for (const from of [0, 2]) {
        const objects = [record(1, 3, { x: 2 }), record(2, 3, {})];
        const decided = [decision("ann", 1, ACCEPTED)];
        const forgotten = ["bob"];
        await isDeposed(store, batch({ term, from, to: 3, objects, decided, forgotten }));
      }
      const world = await stage.reopened(store);
      if (world === undefined) return;
      assert.deepEqual(
        [world.seq, [...world.objects], [...world.decided]],
        [1, [record(1, 1, { x: 1 })], bob],
      );
    },
  ],
  [
    "who has opened the world before can commit nothing more",
    async (stage) => {
      const before = await stage.open();
      const first = await before.load(WORLD, "first epoch");
      await before.commit(WORLD, batch({ term: first.term }));
      const after = before.capabilities.durable ? await stage.open() : before;
      const second = await after.load(WORLD, "second epoch");
      assert(second.term > first.term, "each opening has a higher term");
      await isDeposed(before, batch({ term: first.term, decided: [decision("ann", 1, ACCEPTED)] }));
      const own = [decision("bob", 1, ACCEPTED)];
      await after.commit(WORLD, batch({ term: second.term, decided: own }));
      await isDeposed(before, batch({ term: first.term }));
      const world = await stage.reopened(after);
      if (world !== undefined)
        assert.deepEqual(
          [...world.decided].map(({ clientId }) => clientId),
          ["bob"],
        );
    },
  ],
  [
    "a batch that fails half-way leaves nothing of itself",
    async (stage) => {
      const store = await stage.open();
      if (!store.capabilities.durable) return; // it has no use for objects
      const { term } = await store.load(WORLD, "first epoch");
      const broken = {
        ...record(2, 1, {}),
        get properties(): Properties {
          throw new Error("it cannot be read");
        },
      };
      const torn = batch({ term, to: 1, objects: [record(1, 1, { x: 1 }), broken] });
      await assert.rejects(async () => store.commit(WORLD, torn), /cannot be read/);
      await store.commit(WORLD, batch({ term, to: 1, objects: [record(3, 1, {})] }));
      const world = await stage.reopened(store);
      assert.deepEqual([...(world?.objects ?? [])], [record(3, 1, {})]);
    },
  ],
  [
    "worlds do not touch each other, also when they commit at the same time",
    async (stage) => {
      const store = await stage.open();
      const worlds = ["a", "b", "", "ä/'\"%"];
      const terms = await Promise.all(
        worlds.map(async (name) => (await store.load(name, `epoch ${name}`)).term),
      );
      await Promise.all(
        worlds.map(async (name, i) => {
          const objects = [record(1, 1, { name })];
          const decided = [decision("ann", i + 1, ACCEPTED)];
          await store.commit(name, batch({ term: terms[i] ?? 0, to: 1, objects, decided }));
        }),
      );
      await store.commit("a", batch({ term: terms[0] ?? 0, from: 1, forgotten: ["ann"] }));
      if (!store.capabilities.durable) return;
      await stage.close(store);
      const next = await stage.open();
      for (const [i, name] of worlds.entries()) {
        const { epoch, objects, decided } = await next.load(name, "other");
        const numbers = [...decided].map(({ n }) => n);
        const expected = name === "a" ? [] : [i + 1];
        assert.deepEqual(
          [epoch, [...objects], numbers],
          [`epoch ${name}`, [record(1, 1, { name })], expected],
        );
      }
    },
  ],
  [
    "a long history comes back exactly, however often it is opened",
    async (stage) => {
      const model = new StoreModel(7);
      let store = await stage.open();
      if (!store.capabilities.durable) return;
      let { term } = await store.load(WORLD, "first epoch");
      for (let i = 1; i <= 120; i++) {
        await store.commit(WORLD, model.next(term));
        if (i % 12 !== 0) continue;
        await stage.close(store);
        store = await stage.open();
        const world = await store.load(WORLD, "next epoch");
        ({ term } = world);
        model.compare(world);
      }
    },
  ],
];

/** To a database that takes what it is given for its own language, the end. */
const SQL = "x'); DROP TABLE objects; -- \" ` $1 ? :a %s _% \\'";

const VALUES: readonly Value[] = [
  null,
  true,
  0,
  -1,
  0.1,
  Number.MAX_SAFE_INTEGER,
  Number.MIN_VALUE,
  "",
  "ä 😀 \u0000 \ud800 '\"\\",
  SQL,
  new Date("2026-01-31T12:00:00.001Z"),
  new Date(-8.64e15),
  Uint8Array.of(0, 255, 128),
  [],
  [1, [null, "a"], { deep: [new Date(0)] }],
  {},
  { $date: "no date" },
  { $date: new Date(1), other: 1 },
  { $: { $bytes: Uint8Array.of(1) } },
];
const NAMES = ["a", "ä", "", "$date", "id2", "a.b", "toString", "1", "'", "\u0000", SQL];

async function isDeposed(store: Store, refused: StoreBatch): Promise<void> {
  await assert.rejects(
    async () => store.commit(WORLD, refused),
    (error) => error instanceof SyncError && error.code === "deposed",
    "the batch must be refused as deposed",
  );
}

function record(handle: number, revision: number, properties: Properties | null): ObjectRecord {
  const names = Object.keys(properties ?? {});
  return {
    id: `object:${handle}` as ObjectId,
    handle,
    created: 1,
    revision,
    forgotten: 0,
    properties,
    names,
    revisions: names.map(() => revision),
  };
}

function decision(
  clientId: string,
  n: number,
  outcome: Outcome,
  owner?: string | number,
): DecidedMutation {
  const when = { seq: 0, decidedAt: 2 ** 40 + n };
  return { clientId, n, fingerprint: 0xffff_ffff - n, outcome, owner, ...when };
}

interface Given {
  readonly term: number;
  readonly from?: number;
  readonly to?: number;
  readonly horizon?: number;
  readonly objects?: ObjectRecord[];
  readonly decided?: readonly DecidedMutation[];
  readonly settled?: { clientId: string; n: number }[];
  readonly forgotten?: readonly string[];
  readonly ledgerHorizon?: number;
  readonly schemaVersion?: number;
}

function batch(given: Given): StoreBatch {
  const {
    term,
    from = 0,
    to = from,
    horizon = 0,
    objects = [],
    decided = [],
    settled = [],
    forgotten = [],
    ledgerHorizon = 0,
    schemaVersion = 1,
  } = given;
  return {
    term,
    expectedSeq: from,
    seq: to,
    nextHandle: 100 + to,
    horizon,
    objects: () => objects,
    decided,
    settled: () => settled,
    forgotten,
    ledgerHorizon,
    schemaVersion,
  };
}
