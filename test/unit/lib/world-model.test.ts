import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { encodeDelta, type EncodedDelta } from "../../../lib/delta-codec.ts";
import type { Entry, ObjectRecord } from "../../../lib/entry.ts";
import { DEFAULT_LIMITS, type Limits } from "../../../lib/limits.ts";
import { decodeServerMessage, encodeDeltaHeader } from "../../../lib/messages.ts";
import type { Changes, ObjectId, Value } from "../../../lib/object.ts";
import { toProperties, type Operation } from "../../../lib/operation.ts";
import { ShapeDictionary } from "../../../lib/shape-codec.ts";
import { KnownShapes } from "../../../lib/shape.ts";
import { World, type Commit } from "../../../lib/world.ts";
import { codeOf } from "../../support/hostile.ts";
import {
  applyTo,
  changeText,
  cloneCopy,
  copyText,
  NaiveWorld,
  type Copy,
} from "../../support/naive-world.ts";

const EPOCH = "model";

const limits: Limits = {
  ...DEFAULT_LIMITS,
  tombstonesMax: 3,
  tombstoneAgeMs: 20,
  removedPropertiesMax: 2,
  propertiesPerObjectMax: 5,
  objectBytesMax: 90,
  shapesMax: 12,
};

const IDS = ["a", "b", "c", "toString", "__proto__", "0"] as ObjectId[];
const NAMES = ["x", "y", "toString", "then", "", "0", "7", "hasOwnProperty"];

const anId = fc.constantFrom(...IDS);
const aValue = fc.oneof(
  fc.nat(2),
  fc.nat(2),
  fc.constantFrom<Value[]>(null, true, "", "text", "x".repeat(40), [1, [2]], { toString: 1 }),
  fc.constantFrom<Value[]>(new Date(1), Uint8Array.of(1)),
);
const changes: fc.Arbitrary<Changes> = fc
  .array(fc.tuple(fc.constantFrom(...NAMES), fc.option(aValue, { nil: undefined, freq: 2 })), {
    maxLength: 4,
  })
  .map((entries) => Object.fromEntries(entries));

const operation: fc.Arbitrary<Operation> = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("create" as const),
      id: anId,
      properties: changes.map(toProperties),
      chosen: fc.constant(true),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant("update" as const), id: anId, changes }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("destroy" as const), id: anId }) },
);

type Action =
  | { readonly kind: "commit"; readonly operations: readonly Operation[] }
  | { readonly kind: "undo"; readonly count: number }
  | { readonly kind: "prune"; readonly afterMs: number }
  | { readonly kind: "join"; readonly base: number }
  | {
      readonly kind: "page";
      readonly joiner: number;
      readonly bytesMax: number;
      readonly isShared: boolean;
    }
  | { readonly kind: "restart" };

const action: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant("commit" as const),
      operations: fc.array(operation, { minLength: 1, maxLength: 4 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("undo" as const),
      count: fc.integer({ min: 1, max: 3 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant("prune" as const), afterMs: fc.nat(30) }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("join" as const), base: fc.nat() }) },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("page" as const),
      joiner: fc.nat(),
      bytesMax: fc.integer({ min: 1, max: 60 }),
      isShared: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("restart" as const) }) },
);

/** A client that catches up in pages, over the wire. */
class Joiner {
  readonly base: number;
  readonly copy: Copy;
  readonly #known = new KnownShapes();
  readonly #dictionary = new ShapeDictionary(limits);
  from: number;
  /** The world's `seq` when the oldest of its pages was made. */
  madeAt = Infinity;

  constructor(base: number, copy: Copy) {
    this.base = base;
    this.from = base;
    this.copy = copy;
  }

  take(page: EncodedDelta, madeAt: number): void {
    const head = encodeDeltaHeader(false, [], page, this.#known);
    const bytes = Uint8Array.from([...head, ...page.bytes]);
    const message = decodeServerMessage(bytes, this.#dictionary, limits);
    if (message.kind !== "delta") throw new Error("not a delta");
    expect(message.delta).toMatchObject({ from: this.from, to: page.to });
    applyTo(this.copy, message.delta);
    this.from = page.to;
    this.madeAt = Math.min(this.madeAt, madeAt);
  }
}

class Run {
  #world = new World({ epoch: EPOCH, seq: 0, horizon: 0, nextHandle: 1, objects: [] }, limits, 0);
  #naive = new NaiveWorld(limits);
  #now = 0;
  /** What a store would have, and what was written since it was last read. */
  readonly #stored = new Map<number, ObjectRecord>();
  readonly #entries = new Map<number, Entry>();
  readonly #history = new Map<number, Copy>([[0, new Map()]]);
  #undoable: { readonly commit: Commit; readonly before: NaiveWorld }[] = [];
  readonly #pages = new Map<string, { readonly page: EncodedDelta; readonly madeAt: number }>();
  #joiners: Joiner[] = [];
  /** The newest commit that anybody was told of. */
  #toldSeq = 0;
  finished = 0;

  perform(step: Action): void {
    switch (step.kind) {
      case "commit":
        this.#commit(step.operations);
        break;
      case "undo":
        this.#undo(step.count);
        break;
      case "prune":
        this.#now += step.afterMs;
        this.#undoable = [];
        this.#world.prune(this.#now);
        this.#naive.prune(this.#now);
        break;
      case "join":
        this.#join(step.base);
        break;
      case "page":
        this.#page(step.joiner, step.bytesMax, step.isShared);
        break;
      case "restart":
        this.#restart();
    }
    this.#check();
  }

  finish(): void {
    for (let i = 0; this.#joiners.length > 0; i++) this.#page(i, 30, i % 2 === 0);
  }

  #commit(operations: readonly Operation[]): void {
    const before = this.#naive.clone();
    const seen = this.#image();
    const naiveCode = this.#naive.commit(operations, this.#now);
    let commit: Commit | undefined;
    const code = codeOf(() => {
      commit = this.#world.commit(operations, this.#now);
    });
    expect(code).toBe(naiveCode);
    if (commit === undefined) {
      expect(this.#image()).toBe(seen);
      return;
    }
    expect(commit.applied.length > 0).toBe(this.#naive.seq > before.seq);
    for (const { entry } of commit.applied) this.#entries.set(entry.handle, entry);
    this.#undoable.push({ commit, before });
    this.#history.set(this.#naive.seq, this.#naive.copy());
  }

  /** As a world host does it when its store refuses a batch: before anyone was told of it. */
  #undo(count: number): void {
    for (let i = 0; i < count; i++) {
      const last = this.#undoable.at(-1);
      if (last === undefined || last.before.seq < this.#toldSeq) return;
      this.#undoable.pop();
      this.#world.undo(last.commit);
      this.#naive = last.before;
    }
  }

  #join(base: number): void {
    const bases = [...this.#history.keys()].filter(
      (seq) => seq === 0 || (seq >= this.#world.horizon && seq <= this.#world.seq),
    );
    this.#toldSeq = this.#world.seq;
    const start = bases[base % bases.length] ?? 0;
    this.#joiners.push(new Joiner(start, cloneCopy(this.#history.get(start))));
  }

  #page(index: number, bytesMax: number, isShared: boolean): void {
    const joiner = this.#joiners[index % Math.max(1, this.#joiners.length)];
    if (joiner === undefined) return;
    const { horizon, seq } = this.#world;
    const isLost = joiner.madeAt < horizon || (joiner.base > 0 && joiner.base < horizon);
    if (isLost) {
      this.#joiners = this.#joiners.filter((other) => other !== joiner);
      return;
    }
    const { base, from } = joiner;
    const key = `${base}:${from}`;
    let shared = isShared ? this.#pages.get(key) : undefined;
    if (shared === undefined || shared.madeAt < horizon) {
      const page = encodeDelta(this.#world.since(base, { from, bytesMax }));
      expect(page.to > from || page.to === seq).toBe(true);
      shared = { page, madeAt: seq };
      this.#toldSeq = seq;
      this.#pages.set(key, shared);
    }
    joiner.take(shared.page, shared.madeAt);
    if (joiner.from < seq) return;
    expect(copyText(joiner.copy)).toBe(copyText(this.#naive.copy()));
    this.#joiners = this.#joiners.filter((other) => other !== joiner);
    this.finished += 1;
  }

  #restart(): void {
    const { seq, horizon, nextHandle } = this.#world;
    for (const [handle, entry] of this.#entries) this.#stored.set(handle, entry.toRecord());
    this.#entries.clear();
    for (const handle of this.#stored.keys()) {
      if (this.#naive.idOf(handle) === undefined) this.#stored.delete(handle);
    }
    const objects = [...this.#stored.values()];
    objects.sort((a, b) => a.revision - b.revision || b.handle - a.handle);
    this.#now += 5;
    this.#world = new World({ epoch: EPOCH, seq, horizon, nextHandle, objects }, limits, this.#now);
    this.#naive.restart(this.#now);
    this.#undoable = [];
    this.#joiners = [];
    this.#pages.clear();
  }

  /** All that can be asked of the world. */
  #image(): string {
    const { seq, horizon, nextHandle, size } = this.#world;
    const lines = [`seq ${seq} horizon ${horizon} nextHandle ${nextHandle} size ${size}`];
    for (let base = 0; base <= seq; base++) {
      const { changes: all } = this.#world.since(base);
      lines.push(`since ${base}`, ...all.map(changeText));
    }
    for (let handle = 0; handle <= nextHandle; handle++) {
      lines.push(`${handle} is ${String(this.#world.idOf(handle))}`);
    }
    for (const id of IDS) lines.push(`${id}: ${this.#world.isGone(id) ? "gone" : ""}`);
    return lines.join("\n");
  }

  #check(): void {
    const world = this.#world;
    const naive = this.#naive;
    const { seq, horizon, nextHandle } = naive;
    expect({ seq: world.seq, horizon: world.horizon, nextHandle: world.nextHandle }).toEqual({
      seq,
      horizon,
      nextHandle,
    });
    const expected = [
      `seq ${seq} horizon ${horizon} nextHandle ${nextHandle} size ${naive.copy().size}`,
    ];
    for (let base = 0; base <= seq; base++) expected.push(`since ${base}`, ...naive.since(base));
    for (let handle = 0; handle <= nextHandle; handle++) {
      expected.push(`${handle} is ${String(naive.idOf(handle))}`);
    }
    for (const id of IDS) expected.push(`${id}: ${naive.isGone(id) ? "gone" : ""}`);
    expect(this.#image()).toBe(expected.join("\n"));
    this.#checkResume();
  }

  /** From every moment that may be resumed, a replica comes to the present. */
  #checkResume(): void {
    const { seq, horizon } = this.#naive;
    const canResume = (at: number) => this.#world.canResume({ epoch: EPOCH, seq: at });
    for (let base = 0; base <= seq + 1; base++) {
      expect(canResume(base)).toBe(base >= horizon && base <= seq);
      if (!canResume(base)) continue;
      const copy = cloneCopy(this.#history.get(base));
      applyTo(copy, this.#world.since(base));
      expect(copyText(copy)).toBe(copyText(this.#naive.copy()));
      // One who is further may be told the same.
      const further = cloneCopy(this.#history.get((base + seq + 1) >> 1));
      applyTo(further, this.#world.since(base, { seenMax: seq }));
      expect(copyText(further)).toBe(copyText(this.#naive.copy()));
    }
    expect(this.#world.canResume({ epoch: "other", seq })).toBe(false);
  }
}

test("a world agrees with a naive one, through commits, undo, pruning, restarts and pages", () => {
  let finished = 0;
  fc.assert(
    fc.property(fc.array(action, { minLength: 10, maxLength: 40, size: "max" }), (actions) => {
      const run = new Run();
      for (const step of actions) run.perform(step);
      run.finish();
      finished += run.finished;
    }),
    { numRuns: 100 },
  );
  expect(finished).toBeGreaterThan(50);
});
