import { expect, test } from "@jest/globals";
import { ByteWriter } from "../../../lib/bytes.ts";
import { SERVER_LIMITS, DEFAULT_LIMITS, type ServerLimits } from "../../../lib/limits.ts";
import type { Link } from "../../../lib/link.ts";
import {
  decodeServerMessage,
  encodeFetch,
  topicsToText,
  type ServerMessage,
} from "../../../lib/messages.ts";
import { encodeMutation } from "../../../lib/mutation-codec.ts";
import { PROTOCOL } from "../../../lib/protocol.ts";
import { ShapeDictionary } from "../../../lib/shape-codec.ts";
import { makePropertySet, ShapeTable } from "../../../lib/shape.ts";
import { Authorizers } from "../../../server/authorization.ts";
import { ChangeChecks } from "../../../server/change-checks.ts";
import { HostedWorld } from "../../../server/hosted-world.ts";
import { Lifetimes } from "../../../server/lifetimes.ts";
import { MemoryStore } from "../../../server/stores/memory.ts";
import { create, FakeEnvironment, quiet } from "../client/fake-server.ts";

const HELLO = {
  version: PROTOCOL.version,
  world: "default",
  clientId: "a-client-of-the-tests",
  cursor: { epoch: "", seq: 0 },
  auth: null,
};

/** A link that notes what it is given to send. */
class NotedLink implements Link {
  readonly messages: ServerMessage[] = [];
  waitingBytes = 0;
  readonly incomingBytesMax = 1_000_000;
  isOpen = true;
  readonly #dictionary = new ShapeDictionary(DEFAULT_LIMITS);

  send(head: Uint8Array, body = new Uint8Array()): void {
    const bytes = Uint8Array.from([...head, ...body]);
    this.messages.push(decodeServerMessage(bytes, this.#dictionary, DEFAULT_LIMITS));
  }

  close(): void {
    this.isOpen = false;
  }
}

function openWorld(
  environment: FakeEnvironment,
  limits: ServerLimits = SERVER_LIMITS,
): HostedWorld {
  return new HostedWorld({
    name: "default",
    store: new MemoryStore(),
    handlers: {},
    authorizers: new Authorizers(),
    checks: new ChangeChecks(),
    flush: 0,
    lifetimes: new Lifetimes([], []),
    limits,
    environment,
  });
}

function creating(n: number, id: string): Uint8Array {
  const table = new ShapeTable(0, makePropertySet);
  const mutation = { seen: 0, operations: [create({ id })] };
  const { bytes } = encodeMutation(mutation, table, () => undefined);
  const writer = new ByteWriter();
  writer.byte(PROTOCOL.fromClient.mutations);
  for (const number of [0, 0, n, bytes.length]) writer.varint(number);
  writer.raw(bytes);
  return writer.take();
}

const goodbyeOf = ({ messages }: NotedLink): unknown =>
  messages.find(({ kind }) => kind === "goodbye");
const EXPIRED = { reconnect: true, error: { code: "token_expired" } };

test("a session ends at the moment for which it was let in, and may come back", async () => {
  const environment = new FakeEnvironment();
  const world = openWorld(environment);
  const link = new NotedLink();
  (await world.reception(HELLO, { identity: "ann", endsAt: 5_000 }))(link);
  environment.advance(4_999);
  expect(goodbyeOf(link)).toBeUndefined();
  environment.advance(1);
  expect(goodbyeOf(link)).toMatchObject(EXPIRED);
  expect(link.isOpen).toBe(false);
});

test("what comes after that moment is not decided, however late the timer is", async () => {
  const environment = new FakeEnvironment();
  const world = openWorld(environment);
  const link = new NotedLink();
  const events = (await world.reception(HELLO, { identity: "ann", endsAt: 5_000 }))(link);
  events.message(creating(1, "tree"));
  environment.clock.now = () => 5_000;
  events.message(creating(2, "house"));
  await quiet();
  expect([...world.allObjects().keys()]).toEqual(["tree"]);
  expect(goodbyeOf(link)).toMatchObject(EXPIRED);
});

test("a session that has ended otherwise leaves no timer behind", async () => {
  const environment = new FakeEnvironment();
  const world = openWorld(environment);
  const before = environment.nextMs;
  const link = new NotedLink();
  const events = (await world.reception(HELLO, { identity: "ann", endsAt: 5_000 }))(link);
  expect(environment.nextMs).toBe(5_000);
  events.closed();
  expect(environment.nextMs).toBe(before);
});

test("what is asked for counts until it is answered, which takes longer than to read it", async () => {
  const world = openWorld(new FakeEnvironment());
  const visitor = { identity: undefined, endsAt: Infinity };
  const hello = { ...HELLO, topics: topicsToText([{ namespace: "tree" }]) };
  const { fetchesInFlightMax } = SERVER_LIMITS;
  const link = new NotedLink();
  link.waitingBytes = Infinity; // it has no room for what it is shown first, and answers come after that
  const events = (await world.reception(hello, visitor))(link);
  const ask = async (): Promise<void> => {
    events.message(encodeFetch({ request: 1, ids: [] }));
    await quiet();
  };
  const answers = (): number => link.messages.filter(({ kind }) => kind === "fetched").length;
  for (let i = 0; i < fetchesInFlightMax; i++) await ask();
  expect(answers()).toBe(0);
  link.waitingBytes = 0;
  events.drained();
  await quiet();
  expect(answers()).toBe(fetchesInFlightMax);
  for (let i = 0; i < fetchesInFlightMax; i++) await ask();
  expect([answers(), goodbyeOf(link)]).toEqual([2 * fetchesInFlightMax, undefined]);

  const other = new NotedLink();
  other.waitingBytes = Infinity;
  const greedy = (await world.reception({ ...hello, clientId: "a-greedy-client" }, visitor))(other);
  for (let i = 0; i <= fetchesInFlightMax; i++) {
    greedy.message(encodeFetch({ request: i, ids: [] }));
    await quiet();
  }
  expect(goodbyeOf(other)).toMatchObject({ error: { code: "limit_exceeded" } });
  expect(goodbyeOf(link)).toBeUndefined();
});

test("what an identity may send together stays one, also when a client takes its own older place", async () => {
  const environment = new FakeEnvironment();
  const own = { messagesPerSecondMax: 100, clientsWorthPerIdentityMax: 1 };
  const world = openWorld(environment, { ...SERVER_LIMITS, ...own });
  const join = async (clientId: string) => {
    const link = new NotedLink();
    const visitor = { identity: "ann", endsAt: Infinity };
    return { link, events: (await world.reception({ ...HELLO, clientId }, visitor))(link) };
  };
  await join("ann-at-home");
  const home = await join("ann-at-home");
  environment.advance(10_000); // whatever was nobody's is forgotten by now
  const away = await join("ann-elsewhere");
  for (let n = 1; n <= 150; n++) {
    home.events.message(creating(n, `home:${String(n)}`));
    away.events.message(creating(n, `away:${String(n)}`));
  }
  const ends = [home, away].map(({ link }) => goodbyeOf(link)).filter((end) => end !== undefined);
  expect(ends).toMatchObject([
    { error: { code: "rate_limited" } },
    { error: { code: "rate_limited" } },
  ]);
});
