import { expect, test } from "@jest/globals";
import { SERVER_LIMITS, type ServerLimits } from "../../../lib/limits.ts";
import type { ObjectId } from "../../../lib/object.ts";
import { World } from "../../../lib/world.ts";
import { SnapshotPages } from "../../../server/snapshot-pages.ts";
import type { Position } from "../../../server/views/position.ts";
import { WholeWorld } from "../../../server/views/whole-world.ts";

const PAGE_BYTES = 1_000;

function newWorld(limits: Partial<ServerLimits> = {}): World {
  const record = { epoch: "e", seq: 0, horizon: 0, nextHandle: 1, objects: [] };
  return new World(record, { ...SERVER_LIMITS, ...limits }, 0);
}

function create(world: World, id: string): void {
  const properties = { text: "x".repeat(90) };
  world.commit([{ kind: "create", id: id as ObjectId, properties, chosen: true }], 0);
}

function destroy(world: World, id: string): void {
  world.commit([{ kind: "destroy", id: id as ObjectId }], 0);
}

function at(seq: number): Position {
  return { version: seq, seq };
}

/** The commits at which the pages of a newcomer begin and end. */
function walk(world: World, pages: WholeWorld): [from: number, to: number][] {
  const ranges: [number, number][] = [];
  for (let from = 0; from < world.seq; from = ranges.at(-1)?.[1] ?? Infinity) {
    const { delta } = pages.page(at(0), from);
    ranges.push([delta.from, delta.to]);
  }
  return ranges;
}

test("pages follow each other without a gap, and each is about as large as asked for", () => {
  const world = newWorld();
  for (let i = 0; i < 100; i++) create(world, `thing:${i}`);
  const pages = new WholeWorld(world, { pageBytes: PAGE_BYTES, waitingBytesMax: Infinity });
  const ranges = walk(world, pages);
  expect(ranges.length).toBeGreaterThan(8);
  expect(ranges[0]?.[0]).toBe(0);
  expect(ranges.at(-1)?.[1]).toBe(world.seq);
  for (const [i, [from]] of ranges.slice(1).entries()) expect(from).toBe(ranges[i]?.[1]);
  for (const [from] of ranges) {
    expect(pages.page(at(0), from).delta.bytes.length).toBeLessThan(PAGE_BYTES * 1.3);
  }
});

test("who lacks the same gets the same page, also when the world has gone on meanwhile", () => {
  const world = newWorld();
  for (let i = 0; i < 100; i++) create(world, `thing:${i}`);
  const pages = new WholeWorld(world, { pageBytes: PAGE_BYTES, waitingBytesMax: Infinity });
  const page = pages.page(at(0), 0);
  create(world, "later");
  expect(pages.page(at(0), 0)).toBe(page);
  expect(pages.page(at(0), page.delta.to)).not.toBe(page);
  expect(pages.page(at(1), 1)).not.toBe(page);
  pages.forgetPages();
  expect(pages.page(at(0), 0)).not.toBe(page);
});

test("a page that reached a present which has passed is made again", () => {
  const world = newWorld();
  create(world, "a");
  const pages = new WholeWorld(world, { pageBytes: PAGE_BYTES, waitingBytesMax: Infinity });
  const page = pages.page(at(0), 0);
  expect(page.delta.to).toBe(1);
  expect(pages.page(at(0), 0)).toBe(page);
  create(world, "b");
  expect(pages.page(at(0), 0).delta.to).toBe(2);
});

test("a page of a part goes as far as the world does, also when nothing of that part has changed", () => {
  const world = newWorld();
  create(world, "a");
  const pages = new SnapshotPages({
    get position() {
      return { version: 1, seq: world.seq };
    },
    horizon: 0,
    makePage: (_base, from) => {
      const whole = new WholeWorld(world, { pageBytes: PAGE_BYTES, waitingBytesMax: Infinity });
      return { ...whole.page(at(0), from), madeAt: 1 };
    },
  });
  const page = pages.get(at(0), 0);
  expect(pages.get(at(0), 0)).toBe(page);
  create(world, "elsewhere");
  expect(pages.get(at(0), 0).delta.to).toBe(2);
});

test("a page that may show what is destroyed and forgotten since is made again", () => {
  const world = newWorld({ tombstonesMax: 1 });
  for (let i = 0; i < 100; i++) create(world, `thing:${i}`);
  const pages = new WholeWorld(world, { pageBytes: PAGE_BYTES, waitingBytesMax: Infinity });
  const page = pages.page(at(0), 0);
  destroy(world, "thing:0");
  world.prune(0);
  expect(pages.page(at(0), 0)).toBe(page); // a later page tells that it is gone
  destroy(world, "thing:1");
  world.prune(0);
  expect(world.horizon).toBe(101);
  const anew = pages.page(at(0), 0);
  expect(anew).not.toBe(page);
  expect(anew.madeAt).toBe(world.seq);
});
