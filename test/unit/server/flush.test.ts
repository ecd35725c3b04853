import { expect, test } from "@jest/globals";
import type { Entry } from "../../../lib/entry.ts";
import { SERVER_LIMITS } from "../../../lib/limits.ts";
import type { ObjectId, Properties } from "../../../lib/object.ts";
import type { Operation } from "../../../lib/operation.ts";
import { World } from "../../../lib/world.ts";
import { checkFlush, flushIntervalMs, type Flush } from "../../../server/flush-policy.ts";
import { Flusher } from "../../../server/flusher.ts";
import type { Sessions } from "../../../server/sessions.ts";
import { WholeWorld } from "../../../server/views/whole-world.ts";
import { codeOf } from "../../support/hostile.ts";
import { FakeEnvironment } from "../client/fake-server.ts";

test.each<[flush: Flush, costMs: number, clients: number, intervalMs: number]>([
  ["auto", 0, 1, 0],
  ["auto", 0, 0, 0],
  ["auto", 0.5, 20, 2],
  ["auto", 0.5, 100, 13.2],
  ["auto", 1_000, 1, 50],
  ["auto", 1_000, 1_000, 50],
  [0, 1_000, 100, 0],
  [50, 2, 100, 50],
])(
  "with flush %p, after a flush of %f ms to %i clients the next one waits %f ms",
  (flush, costMs, clients, intervalMs) => {
    expect(flushIntervalMs(flush, costMs, clients)).toBeCloseTo(intervalMs);
  },
);

test("flush is auto, or a number of milliseconds up to a minute", () => {
  for (const flush of ["auto", 0, 16.7, 60_000]) expect(checkFlush(flush)).toBe(flush);
  for (const flush of ["soon", -1, NaN, 60_001, Infinity, "50", null, {}]) {
    expect(codeOf(() => checkFlush(flush))).toBe("bad_option");
  }
});

/** A flusher with what it sends, as the range of commits and the number of bytes of each. */
function newFlusher(flush: Flush) {
  const environment = new FakeEnvironment();
  const record = { epoch: "e", seq: 0, horizon: 0, nextHandle: 1, objects: [] };
  const world = new World(record, SERVER_LIMITS, 0);
  const whole = new WholeWorld(world, {
    pageBytes: SERVER_LIMITS.pageBytes,
    waitingBytesMax: Infinity,
  });
  const sent: string[] = [];
  const sessions = {
    size: 1,
    flush: (silent: ReadonlySet<Entry>) => {
      const { delta } = whole.tell(silent);
      sent.push(`${String(delta?.from)}-${String(delta?.to)}`);
    },
  } as unknown as Sessions;
  let isReadable = true;
  const flusher = new Flusher(world, sessions, flush, environment, () => isReadable);
  const changes: string[] = [];
  const since = world.since.bind(world);
  world.since = (...given) => {
    const delta = since(...given);
    changes.push(...delta.changes.map(({ kind, silent }) => `${kind}${silent ? " silent" : ""}`));
    return delta;
  };
  const write = (operation: Operation, isSilent = false): void => {
    for (const applied of world.commit([operation], 0).applied) flusher.note(applied, isSilent);
    flusher.flushInTime();
  };
  const readable = (is: boolean): void => {
    isReadable = is;
  };
  return { environment, sent, changes, flusher, write, readable };
}

const create = (id: string, properties: Properties = {}): Operation => ({
  kind: "create",
  id: id as ObjectId,
  properties,
  chosen: true,
});

test("a fixed tick sends the first change at once, and what follows within the tick as one", () => {
  const { environment, sent, write } = newFlusher(50);
  write(create("a"));
  expect(sent).toEqual(["0-1"]);
  write(create("b"));
  write(create("c"));
  environment.advance(49);
  expect(sent).toEqual(["0-1"]);
  environment.advance(1);
  expect(sent).toEqual(["0-1", "1-3"]);
  environment.advance(1_000);
  expect(sent).toEqual(["0-1", "1-3"]);
  write(create("d"));
  expect(sent).toEqual(["0-1", "1-3", "3-4"]);
});

test("what the store may still refuse is not sent when the time has come", () => {
  const { environment, sent, flusher, write, readable } = newFlusher(50);
  write(create("a"));
  write(create("b"));
  readable(false);
  environment.advance(50);
  expect(sent).toEqual(["0-1"]);
  readable(true);
  flusher.flushInTime();
  expect(sent).toEqual(["0-1", "1-2"]);
});

test("a flush is silent about an object only if all its changes since the last one were", () => {
  const { environment, changes, write } = newFlusher(50);
  const update = (id: string, x: number): Operation => ({
    kind: "update",
    id: id as ObjectId,
    changes: { x },
  });
  const destroy = (id: string): Operation => ({ kind: "destroy", id: id as ObjectId });
  write(create("a"), true);
  write(create("b"), true);
  write(update("b", 1), true);
  write(create("c"), true);
  write(update("c", 1)); // told, so the object must be, too
  write(create("d"));
  write(update("d", 1), true);
  write(update("a", 1), true);
  environment.advance(50);
  expect(changes).toEqual(["create silent", "create silent", "create", "create", "update silent"]);
  changes.length = 0;
  write(destroy("b"), true);
  write(update("a", 2), true);
  write(update("a", 3));
  environment.advance(50);
  expect(changes).toEqual(["destroy silent", "update"]);
});
