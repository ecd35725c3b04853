import { afterEach, expect, test } from "@jest/globals";
import { DEFAULT_LIMITS, SERVER_LIMITS, type ServerLimits } from "../../../lib/limits.ts";
import type { Link, LinkEvents } from "../../../lib/link.ts";
import {
  decodeServerMessage,
  encodeFetch,
  encodeSubscribe,
  topicsToText,
  type ServerMessage,
} from "../../../lib/messages.ts";
import type { ObjectId } from "../../../lib/object.ts";
import { PROTOCOL } from "../../../lib/protocol.ts";
import { ShapeDictionary } from "../../../lib/shape-codec.ts";
import type { Topic } from "../../../lib/topics.ts";
import { Authorizers } from "../../../server/authorization.ts";
import { ChangeChecks } from "../../../server/change-checks.ts";
import { HostedWorld } from "../../../server/hosted-world.ts";
import { Lifetimes } from "../../../server/lifetimes.ts";
import { MemoryStore } from "../../../server/stores/memory.ts";
import { FakeEnvironment, quiet } from "../client/fake-server.ts";

const LOOKS_PER_TURN = 100;
/** What a turn of the loop looks at may be more than that by its last step, and by what it began with. */
const LOOKS_MAX = 2 * LOOKS_PER_TURN;

/** A turn of the loop comes when the test says so. No timer is ever due by itself. */
class StepEnvironment extends FakeEnvironment {
  readonly timers: { readonly delayMs: number; readonly task: () => void }[] = [];
  /** How much time passes whenever the clock is read. */
  readMs = 0;
  #elapsedMs = 0;
  override readonly clock = { now: () => (this.#elapsedMs += this.readMs) };
  readonly #tasks: (() => void)[] = [];
  override readonly scheduler = {
    after: (delayMs: number, task: () => void) => {
      this.timers.push({ delayMs, task });
      return () => undefined;
    },
    soon: (task: () => void) => void this.#tasks.push(task),
  };

  /** One turn; or none, if nothing is to be done. */
  async turn(): Promise<boolean> {
    await quiet();
    const tasks = this.#tasks.splice(0);
    for (const task of tasks) task();
    await quiet();
    return tasks.length > 0;
  }
}

/** A client that keeps what it is told, by handle. */
class Reader implements Link {
  readonly messages: ServerMessage[] = [];
  readonly held = new Map<number, string>();
  waitingBytes = 0;
  readonly incomingBytesMax = 1_000_000;
  events: LinkEvents | undefined;
  #requests = 0;
  readonly #dictionary = new ShapeDictionary(DEFAULT_LIMITS);

  send(head: Uint8Array, body = new Uint8Array()): void {
    const bytes = Uint8Array.from([...head, ...body]);
    const message = decodeServerMessage(bytes, this.#dictionary, DEFAULT_LIMITS);
    this.messages.push(message);
    if (message.kind !== "delta") return;
    for (const change of message.delta.changes) {
      if (change.kind === "create") this.held.set(change.handle, change.id);
      if (change.kind === "destroy") this.held.delete(change.handle);
    }
  }

  close(): void {
    this.events?.closed();
  }

  get ids(): string[] {
    return [...this.held.values()].sort();
  }

  get ending(): unknown {
    return this.messages.find(({ kind }) => kind === "goodbye");
  }

  get answers(): number {
    return this.messages.filter(({ kind }) => kind === "fetched").length;
  }

  subscribe(...topics: readonly Topic[]): void {
    this.events?.message(encodeSubscribe(++this.#requests, topics));
  }

  fetch(...ids: readonly string[]): void {
    this.events?.message(encodeFetch({ request: ++this.#requests, ids: ids as ObjectId[] }));
  }
}

/** Whether the clients may see what is secret; and how often that was asked, of an object. */
const rule = { isOpen: true, asked: 0 };

/** A world of `things`, some of them secret. */
async function newWorld(things: number, given: Partial<ServerLimits> = {}) {
  rule.isOpen = true;
  const environment = new StepEnvironment();
  const world = new HostedWorld({
    name: "default",
    store: new MemoryStore(),
    handlers: {},
    authorizers: new Authorizers(),
    checks: new ChangeChecks(),
    rules: {
      "*": {
        read: (_user, object) => {
          rule.asked += 1;
          return object["secret"] !== true || rule.isOpen;
        },
      },
    },
    flush: 0,
    lifetimes: new Lifetimes([], []),
    limits: { ...SERVER_LIMITS, looksPerTurn: LOOKS_PER_TURN, ...given },
    environment,
  });
  const settle = async (): Promise<number[]> => {
    const looks: number[] = [];
    for (;;) {
      rule.asked = 0;
      const isAny = await environment.turn();
      looks.push(rule.asked);
      if (!isAny) return looks;
    }
  };
  const join = async (clientId: string, ...topics: readonly Topic[]): Promise<Reader> => {
    const hello = {
      version: PROTOCOL.version,
      world: "default",
      clientId: `client-of-the-tests-${clientId}`,
      cursor: { epoch: "", seq: 0 },
      auth: null,
      topics: topicsToText(topics),
    };
    const reader = new Reader();
    reader.events = (await world.reception(hello, { identity: "ann", endsAt: Infinity }))(reader);
    return reader;
  };
  /** Resolves with how often it was asked who may see something, until all is told. */
  const write = async (id: string, properties = {}): Promise<number> => {
    const created = world.create({ id, ...properties });
    const looks = await settle();
    await created;
    return looks.reduce((sum, one) => sum + one, 0);
  };
  for (let i = 0; i < things; i++) await write(`thing:${i}`, { secret: i % 2 === 0 });
  return { world, environment, settle, join, write };
}

afterEach(() => {
  rule.isOpen = true;
});

const ALL: Topic = { namespace: "thing" };

test("a revocation of more than may be looked at in a turn is held to before all was looked at", async () => {
  const { world, environment, settle, join, write } = await newWorld(400);
  const reader = await join("1", ALL);
  await settle();
  expect(reader.ids.length).toBe(400);
  rule.isOpen = false;
  rule.asked = 0;
  const revoked = world.revoke();
  await quiet();
  expect(rule.asked).toBeLessThanOrEqual(LOOKS_MAX);
  await revoked;
  const late = await join("2", ALL, { id: "other" });
  const second = await join("3", ALL);
  const told = reader.messages.length;
  const mayTell = (): boolean => !reader.ids.includes("thing:398");
  // What is written meanwhile is told with the revocation, and not before it.
  void world.create({ id: "thing:new" });
  for (let isAny = true; isAny;) {
    rule.asked = 0;
    isAny = await environment.turn();
    expect(rule.asked).toBeLessThanOrEqual(LOOKS_MAX);
    expect(reader.messages.length === told || mayTell()).toBe(true);
    for (const one of [late, second]) expect(one.ids.includes("thing:398")).toBe(false);
  }
  for (const { ids, ending } of [reader, late, second]) {
    expect([ids.length, ids.includes("thing:new"), ending]).toEqual([201, true, undefined]);
  }
  await write("thing:later");
  expect(reader.ids.length).toBe(202);
});

test("a revocation that begins again meanwhile is held to as well", async () => {
  const { world, environment, settle, join } = await newWorld(400);
  const reader = await join("1", ALL);
  await settle();
  rule.isOpen = false;
  await world.revoke();
  await environment.turn();
  rule.isOpen = true;
  await world.revoke(["thing:0"]);
  await world.revoke();
  await settle();
  expect(reader.ids.length).toBe(400);
});

test("who goes its own way from a large view that others see costs no turn more than it may", async () => {
  const { settle, join, write } = await newWorld(1_000);
  const readers = [await join("1", ALL), await join("2", ALL), await join("3", ALL)] as const;
  await settle();
  readers[0].subscribe(ALL, { id: "other:1" });
  readers[1].subscribe({ id: "thing:7" });
  const looks = await settle();
  expect(looks.length).toBeGreaterThan(10);
  expect(Math.max(...looks)).toBeLessThanOrEqual(LOOKS_MAX);
  expect(readers.map(({ answers }) => answers)).toEqual([1, 1, 0]);
  await write("other:1");
  expect(readers.map(({ ids }) => ids.length)).toEqual([1_001, 1, 1_000]);
  for (const reader of readers) reader.close();
  await settle();
  expect(await write("thing:more")).toBe(0);
});

test("many who go their own way at once, or fetch much meanwhile, all get there, and so do newcomers", async () => {
  const { environment, join, settle } = await newWorld(200);
  const joining = Array.from({ length: 60 }, (_, i) => join(String(i), ALL));
  const readers = await Promise.all(joining);
  await settle();
  for (const reader of readers) reader.subscribe(ALL, { id: "other:1" });
  for (const reader of readers.slice(0, 4)) {
    for (let i = 0; i < 40; i++) reader.fetch(`other:${i}`);
  }
  for (let i = 0; i < 20; i++) await environment.turn();
  const newcomer = await join("newcomer", { id: "thing:7" });
  for (let i = 0; i < 2_000 && (await environment.turn()); i++);
  expect(new Set(readers.slice(4).map(({ answers }) => answers))).toEqual(new Set([1]));
  expect(new Set(readers.slice(0, 4).map(({ answers }) => answers))).toEqual(new Set([41]));
  expect(newcomer.ids).toEqual(["thing:7"]);
});

test("many revocations in one turn look at no more than one does", async () => {
  const { world, settle, join } = await newWorld(400);
  const reader = await join("1", ALL);
  await settle();
  rule.isOpen = false;
  rule.asked = 0;
  await Promise.all([
    world.revoke(),
    ...Array.from({ length: 30 }, () => world.revoke(["thing:1"])),
  ]);
  expect(rule.asked).toBeLessThanOrEqual(LOOKS_MAX);
  await settle();
  expect(reader.ids.length).toBe(200);
});

test("who leaves while its own view is being made leaves nothing behind", async () => {
  const { environment, settle, join, write } = await newWorld(1_000);
  const [stays, goes] = [await join("1", ALL), await join("2", ALL)];
  await settle();
  goes.subscribe({ id: "thing:7" });
  await environment.turn();
  await environment.turn();
  goes.close();
  await settle();
  expect(await write("thing:more")).toBe(1);
  expect(stays.ids.length).toBe(1_001);
});

test("who is shown the same as others is told it with them, although theirs was not whole at first", async () => {
  const { world, environment, settle, join, write } = await newWorld(400);
  const turned = await join("1", { id: "other" });
  await settle();
  turned.subscribe(ALL);
  for (let i = 0; i < 10; i++) await environment.turn();
  const other = await join("2", ALL);
  while (turned.answers === 0) await environment.turn();
  const created = world.create({ id: "thing:flushed" });
  await environment.turn();
  await created;
  expect([turned.ids.length, other.ids.length]).toEqual([401, 0]);
  await settle();
  const looks: number[] = [];
  // Each flush compares a part of what both are shown.
  for (let i = 0; looks.at(-1) !== 1 && i < 100; i++) looks.push(await write(`thing:${400 + i}`));
  expect(new Set(looks)).toEqual(new Set([2, 1]));
  expect(turned.ids).toEqual(other.ids);
  await write("thing:last");
  expect([turned.ids.includes("thing:last"), turned.ids]).toEqual([true, other.ids]);
});

test("fetches are one change of what is shown with each turn, however many they are", async () => {
  const ids = Array.from({ length: 300 }, (_, i) => `thing:${i}`);
  const { environment, settle, join } = await newWorld(20);
  const reader = await join("1", ...ids.slice(20).map((id) => ({ id })));
  await settle();
  for (const id of ids.slice(0, 20)) reader.fetch(id);
  let turns = 0;
  for (; reader.answers < 20; turns++) await environment.turn();
  expect(turns).toBeLessThan(10);
  expect(reader.ids.length).toBe(20);
});

test("what is fetched is no more than a client may ask for, before it is shown as after", async () => {
  const { settle, join } = await newWorld(20, { topicIdsMax: 10 });
  const reader = await join("1", { id: "thing:0" }, { id: "thing:1" });
  await settle();
  for (let i = 0; i < 20; i++) reader.fetch(`thing:${i}`);
  await settle();
  reader.fetch("thing:19");
  reader.fetch("thing:9");
  await settle();
  const errors = reader.messages.map((one) => (one.kind === "fetched" ? one.error?.code : ""));
  expect(errors.filter((code) => code === "limit_exceeded").length).toBe(11);
  expect(reader.ids.length).toBe(10);
});

test("one timer looks whether somebody reads who did not, however much is told to others meanwhile", async () => {
  const { environment, settle, join, write } = await newWorld(3);
  const [stuck, other] = [await join("1", ALL), await join("2", ALL)];
  await settle();
  const known = new Set(environment.timers);
  const looking = () => environment.timers.filter((one) => one.delayMs === 100 && !known.has(one));
  stuck.waitingBytes = 10_000_000;
  for (let i = 0; i < 10; i++) await write(`thing:more${i}`);
  expect([looking().length, other.ids.length]).toEqual([1, 13]);
  looking()[0]?.task();
  await settle();
  expect(looking().length).toBe(2);
  stuck.waitingBytes = 0;
  looking()[1]?.task();
  await settle();
  expect([looking().length, stuck.ids]).toEqual([2, other.ids]);
});

/** Does so in each turn of the loop until that is answered, and gives how many turns it took. */
async function untilAnswered<Answer>(
  environment: StepEnvironment,
  answering: Promise<Answer>,
  meanwhile: (turn: number) => void = () => undefined,
): Promise<{ answer: Answer; turns: number; asked: number[] }> {
  const answers: Answer[] = [];
  void answering.then((answer) => answers.push(answer));
  const asked: number[] = [];
  rule.asked = 0;
  for (let turns = 0; ; turns++) {
    await quiet();
    asked.push(rule.asked);
    for (const answer of answers) return { answer, turns, asked };
    meanwhile(turns);
    rule.asked = 0;
    await environment.turn();
  }
}

test("who asks for all that has changed is answered in parts, as things are in the end", async () => {
  const { world, environment, write } = await newWorld(400);
  const told = new Map<string, number>();
  const reading = world.as("ann").changesSince();
  const { answer, turns, asked } = await untilAnswered(environment, reading, (turn) => {
    if (turn % 2 === 1) return;
    void world.update({ id: "thing:3", turn });
    void world.update({ id: `thing:${395 - turn}`, turn });
    void world.destroy(`thing:${turn}`).catch(() => undefined);
    void world.create({ id: `thing:new${turn}` });
    void world.create({ id: `thing:${turn}`, again: true });
  });
  expect(turns).toBeGreaterThan(10);
  expect(Math.max(...asked)).toBeLessThanOrEqual(LOOKS_MAX);
  for (const { id, revision } of answer.changes) told.set(id, revision);
  expect(told.size).toBe(answer.changes.length);
  expect([...told.values()]).toEqual([...told.values()].sort((a, b) => a - b));
  const objects = answer.changes.map(({ object }) => object);
  const byId = (a?: { id: string }, b?: { id: string }): number =>
    (a?.id ?? "") < (b?.id ?? "") ? -1 : 1;
  expect([...objects].sort(byId)).toEqual([...world.allObjects().values()].sort(byId));
  expect(answer.cursor).toEqual(await world.as("ann").cursor());
  await write("thing:last");
  const later = await world.as("ann").changesSince(answer.cursor);
  expect(later.changes.map(({ id }) => id)).toEqual(["thing:last"]);
});

test("what was destroyed while somebody asks for all is not in the answer, also when it is forgotten by then", async () => {
  const { world, environment } = await newWorld(400, { tombstonesMax: 1 });
  const first = await untilAnswered(environment, world.changesSince());
  void world.update({ id: "thing:7", n: 1 });
  await environment.turn();
  const destroy = (turn: number): void => {
    if (turn < 5) void world.destroy(`thing:${turn * 2}`);
  };
  const all = await untilAnswered(environment, world.changesSince(), destroy);
  expect(all.answer.changes.map(({ id }) => id).sort()).toEqual(
    [...world.allObjects().keys()].sort(),
  );
  // A cursor that is of use no more means all that there is.
  const resumed = await untilAnswered(environment, world.changesSince(first.answer.cursor));
  expect([resumed.answer.isWhole, resumed.answer.changes.length]).toEqual([true, 396]);
});

test("what is hidden while somebody asks for all is not in the answer", async () => {
  const { world, environment } = await newWorld(400);
  const named = world.as("ann").changesSince();
  const some = await untilAnswered(environment, named, (turn) => {
    if (turn !== 8) return;
    rule.isOpen = false;
    void world.revoke(["thing:2", "thing:399"]);
  });
  const seen = (answer: typeof some.answer): (string | undefined)[] =>
    answer.changes.flatMap(({ object }) => (object?.["secret"] === true ? [object.id] : []));
  expect(seen(some.answer)).not.toContain("thing:2");
  expect(seen(some.answer)).toContain("thing:4"); // it was read before, and nobody has revoked it
  rule.isOpen = true;
  const all = await untilAnswered(environment, world.as("ann").changesSince(), (turn) => {
    if (turn !== 8) return;
    rule.isOpen = false;
    void world.revoke();
  });
  expect([all.answer.changes.length, seen(all.answer)]).toEqual([400, []]);
});

test("what names channels is asked about no more objects in a turn than may be looked at, and shows nothing before all", async () => {
  const { world, environment, settle, join, write } = await newWorld(400);
  const reader = await join("1", { channel: "even" }, { id: "thing:1" });
  const other = await join("2", { channel: "odd" });
  await settle();
  let asked = 0;
  const named = world.nameChannels(({ id }) => {
    asked += 1;
    return Number(id.slice("thing:".length)) % 2 === 0 ? "even" : "odd";
  });
  await quiet();
  expect(asked).toBeLessThanOrEqual(LOOKS_MAX);
  await named;
  const late = await join("3", { channel: "even" });
  void world.create({ id: "thing:400" });
  other.subscribe({ channel: "even" });
  let turns = 0;
  for (let isAny = true; isAny; turns++) {
    asked = 0;
    isAny = await environment.turn();
    expect(asked).toBeLessThanOrEqual(LOOKS_MAX);
    for (const { ids } of [reader, late]) expect([0, 1, 201, 202]).toContain(ids.length);
  }
  expect(turns).toBeGreaterThan(5);
  expect([reader, other, late].map(({ ids }) => ids.length)).toEqual([202, 201, 201]);
  await write("thing:402");
  expect([reader, other, late].map(({ ids }) => ids.length)).toEqual([203, 202, 202]);
});

test("a revocation takes no longer after others that have not been through, and looks at all since the last", async () => {
  const { world, environment, settle, join } = await newWorld(400);
  const reader = await join("1", ALL);
  await settle();
  let isSeen = true;
  world.changeRules({
    "*": { read: (_user, { id }) => (rule.asked++, isSeen || id === "thing:3") },
  });
  await settle();
  const again = await join("2", ALL);
  await settle();
  expect([reader.ending === undefined, again.ids.length]).toEqual([false, 400]);
  for (let i = 0; i < 6; i++) {
    isSeen = !isSeen;
    await world.revoke();
    await environment.turn();
    await environment.turn();
    if (i === 2) void world.destroy("thing:1");
  }
  isSeen = false;
  await world.revoke();
  const looks = await settle();
  expect(again.ids).toEqual(["thing:3"]);
  expect(looks.reduce((sum, one) => sum + one, 0)).toBeLessThanOrEqual(400);
  isSeen = true;
  await world.revoke(["thing:9"]);
  await settle();
  expect(again.ids).toEqual(["thing:3", "thing:9"]);
});

test("a revocation of just as many objects as a turn may look at comes to its end", async () => {
  const { world, settle, join, write } = await newWorld(60);
  const reader = await join("1", ALL);
  await settle();
  for (const count of [49, 50, 51]) {
    rule.isOpen = !rule.isOpen;
    await world.revoke(Array.from({ length: count }, (_, i) => `thing:${i}`));
    await settle();
    await write(`thing:after${count}`);
    expect(reader.ids).toContain(`thing:after${count}`);
  }
});

test("a turn decides all that is ready; but if that takes long, only a part", async () => {
  for (const [readMs, decided] of [
    [0, 600],
    [1, 250],
  ] as const) {
    const { world, environment, settle } = await newWorld(0);
    environment.readMs = readMs;
    const written = Array.from({ length: 600 }, (_, i) => world.create({ id: `thing:${i}` }));
    await environment.turn();
    expect(world.allObjects().size).toBe(decided);
    await settle();
    await Promise.all(written);
    expect(world.allObjects().size).toBe(600);
  }
});
