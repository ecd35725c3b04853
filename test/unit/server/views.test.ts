import { describe, expect, test } from "@jest/globals";
import { DEFAULT_LIMITS, SERVER_LIMITS, type ServerLimits } from "../../../lib/limits.ts";
import { decodeServerMessage, encodeDeltaHeader } from "../../../lib/messages.ts";
import type { ObjectId, Properties, SyncObject } from "../../../lib/object.ts";
import type { Operation } from "../../../lib/operation.ts";
import { ShapeDictionary } from "../../../lib/shape-codec.ts";
import { KnownShapes } from "../../../lib/shape.ts";
import { EVERYTHING, parseTopics, type Topic } from "../../../lib/topics.ts";
import { World, type Commit } from "../../../lib/world.ts";
import { Permissions, type Rules } from "../../../server/rules.ts";
import type { EncodedDelta } from "../../../lib/delta-codec.ts";
import { TurnBudget } from "../../../server/turn-budget.ts";
import type { Position } from "../../../server/views/position.ts";
import type { Source } from "../../../server/views/source.ts";
import { View } from "../../../server/views/view.ts";
import { Views } from "../../../server/views/views.ts";

const START: Position = { version: 0, seq: 0 };

function fail(error: Error): never {
  throw error;
}

/** A world with views, and those who are shown it. */
class Showing {
  readonly world: World;
  readonly views: Views;
  readonly #permissions: Permissions;

  constructor(rules?: Rules, given: Partial<ServerLimits> = {}) {
    const limits = { ...SERVER_LIMITS, ...given };
    const record = { epoch: "e", seq: 0, horizon: 0, nextHandle: 1, objects: [] };
    this.world = new World(record, limits, 0);
    this.#permissions = new Permissions(rules, fail);
    this.views = new Views(this.world, this.#permissions, undefined, limits, fail);
  }

  write(...operations: Operation[]): Commit {
    return this.world.commit(operations, 0);
  }

  reader(topics?: readonly Topic[], user: unknown = "ann"): Reader {
    const audience = this.#permissions.audience(user, "session");
    const asked = topics === undefined ? EVERYTHING : parseTopics(topics, SERVER_LIMITS);
    return new Reader(this.views.open(audience, asked));
  }

  /** Has somebody shown something else, and looks at all that it takes. */
  turn({ source }: Reader, topics: readonly Topic[]): { view: View; base: Position; cost: number } {
    const asked = parseTopics(topics, SERVER_LIMITS);
    const turned: { view: View; base: Position; cost: number }[] = [];
    this.views.advance(() => {
      if (!(source instanceof View)) return;
      turned.push({ view: source, ...this.views.turn(source, asked) });
    });
    while (this.views.isBusy) this.views.advance();
    return turned[0] ?? fail(new Error("it is no view"));
  }

  /** What the sessions do at each flush. */
  flush(...readers: readonly Reader[]): void {
    this.views.advance();
    const sources = new Set(readers.map(({ source }) => source));
    for (const source of sources) {
      const { delta } = source.tell(new Set());
      for (const reader of readers) {
        if (reader.source === source && delta !== undefined) reader.take(delta);
      }
    }
    this.views.told();
  }
}

/** Somebody who is shown a source, and keeps what it was told in the plainest way. */
class Reader {
  readonly source: Source;
  readonly #dictionary = new ShapeDictionary(DEFAULT_LIMITS);
  readonly #known = new KnownShapes();
  readonly #objects = new Map<number, Record<string, unknown>>();
  #from = 0;
  #seq = 0;

  constructor(source: Source) {
    this.source = source;
  }

  get held(): Record<string, unknown>[] {
    return [...this.#objects.values()];
  }

  get ids(): unknown[] {
    return this.held.map(({ id }) => id).sort();
  }

  /** Reads one page of what a newcomer lacks, or somebody who has all up to `base`. */
  page(base = START): void {
    const { delta, next } = this.source.page(base, Math.max(base.version, this.#from));
    this.#from = next;
    this.take(delta);
  }

  take(delta: EncodedDelta): void {
    expect(delta.from).toBeLessThanOrEqual(this.#seq);
    this.#seq = delta.to;
    const header = encodeDeltaHeader(true, [], delta, this.#known);
    const bytes = Uint8Array.from([...header, ...delta.bytes]);
    const message = decodeServerMessage(bytes, this.#dictionary, DEFAULT_LIMITS);
    if (message.kind !== "delta") throw new Error("it is no delta");
    for (const change of message.delta.changes) {
      const { kind, handle } = change;
      if (kind === "destroy") this.#objects.delete(handle);
      else {
        const known = kind === "create" ? { id: change.id } : this.#objects.get(handle);
        const values = change.shape.names.map((name, i) => [name, change.values[i]] as const);
        if (known !== undefined) this.#objects.set(handle, { ...known, ...fromEntries(values) });
      }
    }
  }
}

function fromEntries(values: readonly (readonly [string, unknown])[]): Record<string, unknown> {
  return Object.fromEntries(values);
}

const create = (id: string, properties: Properties = {}): Operation => ({
  kind: "create",
  id: id as ObjectId,
  properties,
  chosen: true,
});
const update = (id: string, changes: Properties): Operation => ({
  kind: "update",
  id: id as ObjectId,
  changes,
});

describe("a view", () => {
  const STRONG: Topic = { query: { level: { $gte: 5 } } };

  test("takes away from who caught up between two flushes what has come and gone between", () => {
    const showing = new Showing();
    showing.write(create("a", { level: 9 }), create("b", { level: 1 }));
    const [early, late] = [showing.reader([STRONG]), showing.reader([STRONG])];
    showing.views.advance();
    early.page();
    showing.flush(early);
    showing.write(update("b", { level: 5 }));
    showing.views.advance();
    late.page();
    expect(late.ids).toEqual(["a", "b"]);
    showing.write(update("b", { level: 1 }));
    showing.flush(early, late);
    expect([early.ids, late.ids]).toEqual([["a"], ["a"]]);
  });

  test("takes away what went, came back and went again since somebody was shown it", () => {
    const showing = new Showing();
    showing.write(create("a", { level: 9 }));
    const reader = showing.reader([STRONG]);
    showing.views.advance();
    reader.page();
    showing.flush(reader);
    for (const level of [1, 9, 1]) {
      showing.write(update("a", { level }));
      showing.views.advance();
    }
    showing.flush(reader);
    expect(reader.ids).toEqual([]);
  });

  test("brings who reads a page that was kept as far as the others", () => {
    const showing = new Showing();
    showing.write(create("a", { level: 9 }));
    const readers = [showing.reader([STRONG]), showing.reader([STRONG]), showing.reader([STRONG])];
    const [early, other, late] = readers as [Reader, Reader, Reader];
    showing.views.advance();
    early.page();
    showing.flush(early);
    showing.write(create("b", { level: 9 }));
    showing.views.advance();
    other.page();
    showing.write(create("c"));
    showing.flush(early, other);
    late.page();
    showing.write(update("a", { level: 8 }));
    showing.flush(...readers);
    for (const { held } of readers) expect(held).toEqual(early.held);
  });

  test("tells of all that has left, however few of them are remembered", () => {
    const showing = new Showing(undefined, { tombstonesMax: 1 });
    const names = ["a", "b", "c", "d"];
    for (const name of names) showing.write(create(name, { level: 9 }));
    const reader = showing.reader([STRONG]);
    showing.views.advance();
    reader.page();
    showing.flush(reader);
    showing.write(...names.map((name) => update(name, { level: 1 })));
    showing.flush(reader);
    expect(reader.ids).toEqual([]);
  });

  test("does not take who asks for less for one that is too far behind", () => {
    const showing = new Showing(undefined, { tombstonesMax: 1 });
    for (const name of ["a", "b", "c", "d"]) showing.write(create(name, { level: 9 }));
    const reader = showing.reader([STRONG]);
    showing.views.advance();
    reader.page();
    showing.flush(reader);
    const turned = showing.turn(reader, [{ id: "a" }]);
    turned.view.passOver(); // a flush comes before the page
    expect(turned.view.horizon).toBeLessThanOrEqual(turned.base.version);
    reader.page(turned.base);
    expect(reader.ids).toEqual(["a"]);
  });

  test("remembers one object that has left as one, however often it came and went", () => {
    const showing = new Showing(undefined, { tombstonesMax: 2 });
    showing.write(create("a", { level: 9 }), create("b", { level: 9 }));
    const reader = showing.reader([STRONG]);
    showing.views.advance();
    reader.page();
    showing.flush(reader);
    const base = reader.source.position;
    for (const level of [1, 9, 1, 9, 1, 9, 1]) {
      showing.write(update("a", { level }));
      showing.views.advance();
      reader.source.passOver(); // nobody has room for it
    }
    expect(reader.source.horizon).toBeLessThanOrEqual(base.version);
    reader.page(base);
    expect(reader.ids).toEqual(["b"]);
  });

  test("is made of what stands, and not of what is still to be taken back", () => {
    const showing = new Showing();
    const undone = showing.write(create("a"));
    const reader = showing.reader([{ namespace: "none" }, { id: "a" }, { id: "b" }]);
    showing.world.undo(undone);
    showing.write(create("b"));
    showing.flush();
    reader.page();
    expect(reader.ids).toEqual(["b"]);
  });
});

describe("an audience", () => {
  const isOpen = (_user: unknown, object: SyncObject): boolean => object["open"] === true;

  test("is not shown by a page that was kept what it may not see any more", () => {
    const showing = new Showing({ "*": { read: isOpen } }, { pageBytes: 1 });
    for (const id of ["a", "b", "c"]) showing.write(create(id, { open: true }));
    const early = showing.reader();
    showing.views.advance();
    early.page();
    expect(early.ids).toEqual(["a"]);
    showing.write(update("a", { open: false }));
    showing.views.advance();
    const late = showing.reader();
    showing.views.advance();
    late.page();
    expect(late.ids).toEqual(["b"]);
  });

  test("is told of a removed property although it is forgotten that there was one", () => {
    const rules: Rules = { "*": { read: true, properties: { secret: { read: false } } } };
    const showing = new Showing(rules, { removedPropertiesMax: 1 });
    showing.write(create("a", { one: 1, two: 2, three: 3, secret: 4 }));
    const reader = showing.reader();
    showing.views.advance();
    reader.page();
    showing.flush(reader);
    for (const name of ["one", "two"]) {
      showing.world.commit(
        [{ kind: "update", id: "a" as ObjectId, changes: { [name]: undefined } }],
        0,
      );
      showing.flush(reader);
    }
    expect(reader.held).toEqual([{ id: "a", three: 3 }]);
  });

  test("learns nothing of a hidden property by asking for it", () => {
    const rules: Rules = { "*": { read: true, properties: { secret: { read: false } } } };
    const showing = new Showing(rules);
    showing.write(create("a", { secret: 1 }), create("b", { secret: 2 }), create("c"));
    const curious = showing.reader([{ query: { secret: { $gte: 2 } } }]);
    const other = showing.reader([{ query: { secret: { $exists: false } } }]);
    showing.views.advance();
    for (const reader of [curious, other]) reader.page();
    expect([curious.ids, other.ids]).toEqual([[], ["a", "b", "c"]]);
    showing.flush(curious, other);
    showing.write(update("c", { secret: 3 }));
    showing.flush(curious, other);
    expect([curious.ids, other.ids]).toEqual([[], ["a", "b", "c"]]);
  });

  test("is shown what it may see of late together with all that has happened until then", () => {
    let isSecret = false;
    const showing = new Showing({ "*": { read: () => !isSecret } });
    showing.write(create("a"), create("b"));
    const reader = showing.reader();
    showing.views.advance();
    reader.page();
    showing.flush(reader);
    isSecret = true;
    showing.views.reconsider(undefined);
    expect(reader.source.shows("a" as ObjectId)).toBe(true);
    showing.write(update("b", { changed: true }));
    showing.flush(reader);
    expect(reader.ids).toEqual([]);
    isSecret = false;
    showing.views.reconsider(["b" as ObjectId]);
    showing.flush(reader);
    expect(reader.held).toEqual([{ id: "b", changed: true }]);
  });
});

describe("a view of more than may be looked at in a turn of the loop", () => {
  const RED: Topic = { query: { color: "red" } };
  const numbered = (count: number, color: (i: number) => string): Operation[] =>
    Array.from({ length: count }, (_, i) => create(`a${i}`, { color: color(i) }));

  /** Until somebody may be told; tells how many times it took. */
  function fill({ views }: Showing, { source }: Reader, between: (time: number) => void): number {
    let times = 0;
    while (!source.isReady) {
      views.advance();
      times += 1;
      between(times);
    }
    return times;
  }

  test("is ready when all was looked at, and has what came, went and changed meanwhile", () => {
    const showing = new Showing(undefined, { looksPerTurn: 20 });
    showing.write(...numbered(100, (i) => (i % 2 === 0 ? "red" : "blue")));
    const reader = showing.reader([RED]);
    const times = fill(showing, reader, (time) => {
      if (time !== 3) return;
      showing.write(
        update("a1", { color: "red" }), // was passed by
        update("a2", { color: "blue" }), // is in it
        update("a96", { color: "blue" }), // was not looked at yet
        update("a97", { color: "red" }),
        { kind: "destroy", id: "a0" as ObjectId },
        { kind: "destroy", id: "a98" as ObjectId },
        create("b", { color: "red" }),
      );
    });
    reader.page();
    const expected = [...showing.world.objects()].filter(({ color }) => color === "red");
    expect(reader.ids).toEqual(expected.map(({ id }) => id).sort());
    expect(times).toBeGreaterThan(5);
  });

  test("does not keep a small one that comes later waiting", () => {
    const showing = new Showing(undefined, { looksPerTurn: 100 });
    showing.write(...numbered(1_000, () => "red"));
    const [large, small] = [showing.reader([RED]), showing.reader([{ id: "a7" }])];
    expect(fill(showing, small, () => undefined)).toBe(1);
    expect(large.source.isReady).toBe(false);
    fill(showing, large, () => undefined);
    large.page();
    expect(large.held.length).toBe(1_000);
  });

  test("goes in parts, and looks at nothing any more", () => {
    const showing = new Showing({ "*": { read: () => (asked += 1) > 0 } }, { looksPerTurn: 20 });
    let asked = 0;
    showing.write(...numbered(100, () => "red"));
    const [reader, other] = [showing.reader([RED], "ann"), showing.reader([{ id: "b" }], "bob")];
    for (const one of [reader, other]) fill(showing, one, () => undefined);
    showing.views.release(reader.source);
    expect(showing.views.isBusy).toBe(true);
    let times = 0;
    for (; showing.views.isBusy; times++) {
      asked = 0;
      showing.write(update("a99", { times }), create(`c${times}`, { color: "red" }));
      showing.views.advance();
      expect(asked).toBe(0);
    }
    expect(times).toBeGreaterThan(4);
  });

  test("is like another only if it is in the end, whatever changes while they are compared", () => {
    const hidesB = { properties: { secret: { read: () => isOpen } } };
    let isOpen = true;
    const showing = new Showing({ "*": { read: true, ...hidesB } }, { looksPerTurn: 20 });
    const colored = (i: number): string => (i < 100 ? "red" : "blue");
    showing.write(...numbered(105, colored));
    const [one, two] = [showing.reader([RED]), showing.reader([{ id: "b" }])];
    for (const reader of [one, two]) fill(showing, reader, () => undefined);
    const { view } = showing.turn(two, [RED]);
    const settled = (between: (time: number) => void): { source: Source; times: number } => {
      for (let times = 0; ; times++) {
        const source = showing.views.settle(view, new TurnBudget(20));
        if (source !== undefined) return { source, times };
        between(times);
        showing.views.advance();
      }
    };
    const touched = (time: number): Operation[] =>
      Array.from({ length: 50 }, (_, i) => update(`a${i}`, { time }));
    isOpen = false;
    view.look(showing.world.entry("a60") ?? fail(new Error("it is gone")), []);
    const early = settled((time) => {
      if (time < 2) showing.write(...touched(time));
    });
    expect(early.source).toBe(view);
    isOpen = true;
    showing.views.reconsider(undefined);
    do showing.views.advance();
    while (showing.views.isBusy);
    const like = settled((i) => showing.write(update("a1", { i }), update(`a${i}`, { color: "" })));
    expect(like.source).toBe(one.source);
    expect(like.times).toBeGreaterThan(10);
    const unlike = settled((time) => {
      if (time !== 5) return;
      // One of them looks again at what was compared first, and the other does not.
      isOpen = false;
      const [first] = view.members();
      view.look(first?.entry ?? fail(new Error("there is none")), []);
    });
    expect(unlike.source).toBe(view);
  });

  test("costs what it takes to be found by the ids that it has", () => {
    const showing = new Showing();
    const ids = (count: number): Topic[] =>
      Array.from({ length: count }, (_, i) => ({ id: `a${i}` }));
    const costOf = (before: number, after: number): number => {
      const reader = showing.reader(ids(before));
      showing.views.advance();
      return showing.turn(reader, ids(after)).cost;
    };
    expect(costOf(0, 1_000)).toBeGreaterThan(1_000);
    expect(costOf(1_000, 0)).toBeGreaterThan(1_000);
    expect(costOf(1_000, 1_001)).toBeGreaterThan(100);
    expect(costOf(1, 2)).toBeLessThan(10);
  });

  test("costs a look for each of its queries", () => {
    const showing = new Showing(undefined, { looksPerTurn: 1_000 });
    showing.write(...numbered(100, () => "red"));
    const hundred = Array.from({ length: 100 }, (_, i) => ({ query: { color: `${i}` } }));
    expect(fill(showing, showing.reader([RED]), () => undefined)).toBe(1);
    expect(fill(showing, showing.reader(hundred), () => undefined)).toBeGreaterThan(10);
  });
});

describe("who joins after an identity was changed in place", () => {
  const RULES: Rules = { "*": { read: (user) => (user as { role: string }).role === "king" } };
  const guest = (): { role: string } => ({ role: "guest" });

  test("is shown what is theirs, and not what that one may see now", () => {
    const showing = new Showing(RULES);
    const promoted = guest();
    showing.reader(undefined, promoted);
    promoted.role = "king";
    showing.write(create("crown"));
    const joined = showing.reader(undefined, guest());
    showing.flush();
    joined.page();
    expect(joined.ids).toEqual([]);
    const next = showing.reader(undefined, guest());
    expect(next.source).toBe(joined.source);
    const king = showing.reader(undefined, { role: "king" });
    showing.flush();
    king.page();
    expect(king.ids).toEqual(["crown"]);
  });

  test("nor does who has come to be shown the same by another way", () => {
    const showing = new Showing(RULES);
    const promoted = guest();
    const topics: Topic[] = [{ namespace: "a" }];
    const shared = showing.reader(topics, promoted);
    const other = showing.reader([{ namespace: "b" }], guest());
    const { view } = showing.turn(other, topics);
    expect(showing.views.settle(view, new TurnBudget(1_000))).toBe(shared.source);
    promoted.role = "king";
    expect(showing.views.settle(view, new TurnBudget(1_000))).toBe(view);
  });
});
