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
import type { Position } from "../../../server/views/position.ts";
import type { Source } from "../../../server/views/source.ts";
import { Views } from "../../../server/views/views.ts";

const START: Position = { version: 0, seq: 0 };

/** A world with views, and those who are shown it. */
class Showing {
  readonly world: World;
  readonly views: Views;
  readonly #permissions: Permissions;

  constructor(rules?: Rules, given: Partial<ServerLimits> = {}) {
    const limits = { ...SERVER_LIMITS, ...given };
    const record = { epoch: "e", seq: 0, horizon: 0, nextHandle: 1, objects: [] };
    const fail = (error: Error): never => {
      throw error;
    };
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

  /** What the sessions do at each flush. */
  flush(...readers: readonly Reader[]): void {
    this.views.advance();
    const sources = new Set(readers.map(({ source }) => source));
    for (const source of sources) {
      const { delta } = source.tell(new Set());
      for (const reader of readers) if (reader.source === source) reader.take(delta);
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

  /** Reads one page of what a newcomer lacks. */
  page(): void {
    const { delta, next } = this.source.page(START, this.#from);
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
