import { expect, test } from "@jest/globals";
import { encodeDelta } from "../../../lib/delta-codec.ts";
import { SyncError } from "../../../lib/errors.ts";
import { DEFAULT_LIMITS, SERVER_LIMITS, type ServerLimits } from "../../../lib/limits.ts";
import type { Link } from "../../../lib/link.ts";
import { decodeServerMessage, type ServerMessage } from "../../../lib/messages.ts";
import type { ObjectId } from "../../../lib/object.ts";
import { ACCEPTED, type NumberedOutcome } from "../../../lib/outcome.ts";
import { ShapeDictionary } from "../../../lib/shape-codec.ts";
import { EVERYTHING } from "../../../lib/topics.ts";
import { World } from "../../../lib/world.ts";
import { TurnBudget } from "../../../server/turn-budget.ts";
import { Session } from "../../../server/session.ts";
import { WholeWorld } from "../../../server/views/whole-world.ts";

/** A link that only collects, and is as full as the test says. */
class CollectingLink implements Link {
  readonly incomingBytesMax = Infinity;
  readonly messages: ServerMessage[] = [];
  readonly #dictionary = new ShapeDictionary(DEFAULT_LIMITS);
  waitingBytes = 0;
  isClosed = false;

  send(head: Uint8Array, body: Uint8Array = new Uint8Array()): void {
    const bytes = Buffer.concat([head, body]);
    this.messages.push(decodeServerMessage(bytes, this.#dictionary, DEFAULT_LIMITS));
  }

  close(): void {
    this.isClosed = true;
  }

  /** What came since the last call, as lines. */
  take(): string[] {
    return this.messages.splice(0).map((message) => {
      if (message.kind === "goodbye") return `goodbye ${message.error.code} ${message.reconnect}`;
      if (message.kind !== "delta") return message.kind;
      const { isWhole, outcomes, delta } = message;
      const decided = outcomes.length === 0 ? "" : ` decides ${outcomes.map(({ n }) => n).join()}`;
      return `${isWhole ? "whole" : "page"} ${delta.from}-${delta.to}${decided}`;
    });
  }
}

interface Given {
  readonly objects?: number;
  readonly cursorSeq?: number;
  readonly recorded?: NumberedOutcome[];
  readonly limits?: Partial<ServerLimits>;
}

/** A session before a world with so many objects. */
function newSession({ objects = 1, cursorSeq, recorded = [], limits: given }: Given = {}) {
  const limits = { ...SERVER_LIMITS, pageBytes: 1_000, waitingBytesMax: 2_000, ...given };
  const record = { epoch: "e", seq: 0, horizon: 0, nextHandle: 1, objects: [] };
  const world = new World(record, limits, 0);
  const write = (name: string, kind: "create" | "destroy" = "create"): void => {
    const id = name as ObjectId;
    const properties = { text: "x".repeat(90) };
    world.commit([kind === "create" ? { kind, id, properties, chosen: true } : { kind, id }], 0);
  };
  for (let i = 0; i < objects; i++) write(`thing:${i}`);
  const link = new CollectingLink();
  const welcome = {
    epoch: "e",
    seq: world.seq,
    nextHandle: world.nextHandle,
    isResumed: cursorSeq !== undefined,
    decided: 0,
    isForgotten: false,
    isDurable: false,
    sessionId: "session",
    mutationsInFlightMax: 1,
    mutationBytesMax: 1,
  };
  const info = {
    id: "session",
    world: "default",
    identity: undefined,
    client: "c",
    schemaVersion: 1,
  };
  const start = {
    info,
    clientId: "client",
    link,
    welcome,
    audience: { key: "", hasChanged: () => false, mayHide: () => [], hidden: () => [] },
    topics: EVERYTHING,
    isDirected: false,
    isStrict: false,
    allowance: undefined,
    source: new WholeWorld(world, { pageBytes: limits.pageBytes, waitingBytesMax: Infinity }),
    cursorSeq: cursorSeq ?? 0,
    recorded: () => recorded,
  };
  const session = new Session(start, limits, 0);
  const page = (now = 0) => session.sendPage(now, new TurnBudget(Infinity));
  const flush = (from: number, now = 0): void => {
    const delta = encodeDelta(world.since(from));
    session.flush({ delta, isNews: delta.to > delta.from }, now);
  };
  return { session, link, world, write, page, flush };
}

test("a newcomer is welcomed, gets pages, and is live with the one that is whole", () => {
  const { session, link, page, flush } = newSession({ objects: 30 });
  expect(link.take()).toEqual(["welcome"]);
  flush(0); // not for one that has no ground to stand on
  expect([session.isLive, link.take()]).toEqual([false, []]);
  const steps: string[] = [];
  while (!session.isLive) steps.push(page());
  expect(steps).toEqual([...steps.slice(1).map(() => "sent"), "live"]);
  const lines = link.take();
  expect(lines.length).toBe(steps.length);
  expect(lines[0]).toMatch(/^page 0-/);
  expect(lines.at(-1)).toMatch(/^whole \d+-30$/);
});

test("who comes back gets what it lacks, with all that was decided for it before", () => {
  const recorded = [
    { n: 4, outcome: ACCEPTED },
    { n: 5, outcome: ACCEPTED },
  ];
  const { session, link, page } = newSession({ objects: 10, cursorSeq: 8, recorded });
  session.decide(5, ACCEPTED); // recorded as well: told once
  expect(page()).toBe("live");
  expect(link.take()).toEqual(["welcome", "whole 8-10 decides 4,5"]);
});

test("who lacks nothing is still told that it is whole", () => {
  const { link, page } = newSession({ objects: 3, cursorSeq: 3 });
  expect(page()).toBe("live");
  expect(link.take()).toEqual(["welcome", "whole 3-3"]);
});

test("a live session gets each flush, and its outcomes with it; nothing when there is nothing", () => {
  const { session, link, page, write, flush } = newSession();
  page();
  link.take();
  flush(1);
  expect(link.take()).toEqual([]);
  write("new");
  session.decide(1, ACCEPTED);
  flush(1);
  session.decide(2, ACCEPTED);
  flush(2); // a decision without a change
  expect(link.take()).toEqual(["whole 1-2 decides 1", "whole 2-2 decides 2"]);
});

test("a flush that its link has no room for is skipped, and made up for from its own cursor", () => {
  const recorded: NumberedOutcome[] = [];
  const { session, link, page, write, flush } = newSession({ recorded });
  page();
  link.take();
  link.waitingBytes = 1_950;
  write("a");
  session.decide(1, ACCEPTED);
  recorded.push({ n: 1, outcome: ACCEPTED }); // as the ledger does, which tells of it later
  flush(1, 5);
  expect([session.isLive, session.behindSince, link.take()]).toEqual([false, 5, []]);
  write("b");
  flush(2, 6);
  expect(page(7)).toBe("blocked");
  expect([session.behindSince, link.take()]).toEqual([5, []]);
  link.waitingBytes = 900;
  expect(page(8)).toBe("live");
  expect(link.take()).toEqual(["whole 1-3 decides 1"]);
  expect(session.behindSince).toBeUndefined();
});

test("one flush that is larger than all that may wait goes out as pages, on an idle link too", () => {
  const { session, link, page, write, flush } = newSession({ limits: { waitingBytesMax: 10 } });
  page();
  link.take();
  write("large");
  flush(1);
  expect([session.isLive, link.take()]).toEqual([false, []]);
  expect(page()).toBe("live");
  expect(link.take()).toEqual(["whole 1-2"]);
});

test("a session is lost when what it lacks is forgotten while it catches up", () => {
  const { session, link, page, write, world } = newSession({
    objects: 30,
    limits: { tombstonesMax: 1 },
  });
  expect(page()).toBe("sent");
  write("thing:0", "destroy");
  world.prune(0);
  expect(page()).toBe("sent"); // one tombstone is remembered
  for (const i of [1, 2]) write(`thing:${i}`, "destroy");
  world.prune(0);
  expect(page()).toBe("lost");
  session.goodbye(new SyncError("slow_client", "too slow"), true);
  expect([link.take().at(-1), link.isClosed]).toEqual(["goodbye slow_client true", true]);
});
