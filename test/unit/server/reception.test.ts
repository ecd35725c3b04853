import { expect, test } from "@jest/globals";
import { SERVER_LIMITS } from "../../../lib/limits.ts";
import { encodeFetch, topicsToText } from "../../../lib/messages.ts";
import { create, FakeEnvironment, quiet } from "../client/fake-server.ts";
import { goodbyeOf, HELLO, NotedLink, openWorld, writing } from "./small-world.ts";

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
  events.message(writing(1, create({ id: "tree" })));
  environment.clock.now = () => 5_000;
  events.message(writing(2, create({ id: "house" })));
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
  const world = openWorld(environment, { limits: { ...SERVER_LIMITS, ...own } });
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
    home.events.message(writing(n, create({ id: `home:${String(n)}` })));
    away.events.message(writing(n, create({ id: `away:${String(n)}` })));
  }
  const ends = [home, away].map(({ link }) => goodbyeOf(link)).filter((end) => end !== undefined);
  expect(ends).toMatchObject([
    { error: { code: "rate_limited" } },
    { error: { code: "rate_limited" } },
  ]);
});
