import { expect, test } from "@jest/globals";
import { SyncError } from "../../../lib/errors.ts";
import { SERVER_LIMITS } from "../../../lib/limits.ts";
import type { Link, LinkEvents } from "../../../lib/link.ts";
import { PROTOCOL } from "../../../lib/protocol.ts";
import { Endings } from "../../../server/endings.ts";
import { authenticated, type Visitor } from "../../../server/authenticated.ts";
import { admission, parseHello } from "../../../server/admission.ts";
import type { HostedWorld } from "../../../server/hosted-world.ts";
import type { ServerOptions } from "../../../server/options.ts";
import { codeOf } from "../../support/hostile.ts";
import { FakeEnvironment } from "../client/fake-server.ts";

const TODAY = 1_790_000_000_000;

const HELLO = {
  version: PROTOCOL.version,
  world: "default",
  clientId: "a-client-of-the-tests",
  cursor: { epoch: "e", seq: 7 },
  auth: { token: "ann" },
};

test("a hello is taken as far as it is known", () => {
  expect(parseHello({ ...HELLO, more: 1 })).toEqual(HELLO);
  const empty = { ...HELLO, cursor: { epoch: "", seq: 0 }, auth: undefined };
  expect(parseHello(empty)).toEqual(empty);
});

test.each<[hello: unknown, code: string]>([
  [undefined, "invalid_payload"],
  [null, "invalid_payload"],
  ["hello", "invalid_payload"],
  [{}, "unsupported"],
  [{ ...HELLO, version: PROTOCOL.version + 1 }, "unsupported"],
  [{ ...HELLO, version: "1" }, "unsupported"],
  [{ ...HELLO, world: 7 }, "invalid_payload"],
  [{ ...HELLO, clientId: "short" }, "invalid_payload"],
  [{ ...HELLO, clientId: "with a space in it" }, "invalid_payload"],
  [{ ...HELLO, clientId: "x".repeat(65) }, "invalid_payload"],
  [{ ...HELLO, cursor: undefined }, "invalid_payload"],
  [{ ...HELLO, cursor: { epoch: 1, seq: 1 } }, "invalid_payload"],
  [{ ...HELLO, cursor: { epoch: "e", seq: 2 ** 53 } }, "invalid_payload"],
  [{ ...HELLO, cursor: { epoch: "e", seq: "1" } }, "invalid_payload"],
])("the hello %j is %s", (hello, code) => {
  expect(codeOf(() => parseHello(hello))).toBe(code);
});

/** Asks to be let into a world, and notes whom the world has received. */
function ask(hello: unknown, authenticate: ServerOptions["authenticate"], isOpen = true) {
  const environment = new FakeEnvironment();
  const received: unknown[] = [];
  const reported: SyncError[] = [];
  const world = {
    reception: async ({ clientId }: { clientId: string }, { identity, endsAt }: Visitor) => {
      await Promise.resolve();
      if (!isOpen) throw new SyncError("unavailable", "full");
      return () => {
        received.push([clientId, identity, endsAt]);
        return {} as LinkEvents;
      };
    },
    report: (error: SyncError) => reported.push(error),
  } as unknown as HostedWorld;
  const handshake = { hello, headers: { cookie: "a=b" }, address: "::1", url: "/" };
  const worldOf = (name: string) => (name === "default" ? world : undefined);
  const endings = new Endings();
  const door = {
    authenticate,
    limits: SERVER_LIMITS,
    worldOf,
    environment,
    timeOfDay: () => TODAY,
    endings,
  };
  const admitted = admission(handshake, door);
  return { admitted, environment, received, reported, endings };
}

test("who is known is received with the identity that the application gave", async () => {
  const { admitted, received } = ask(HELLO, (credentials) => {
    expect(credentials).toEqual({
      auth: { token: "ann" },
      world: "default",
      headers: { cookie: "a=b" },
      address: "::1",
    });
    return { name: "Ann" };
  });
  (await admitted)({} as Link);
  expect(received).toEqual([[HELLO.clientId, { name: "Ann" }, Infinity]]);
});

test("without authenticate everyone is let in, and is nobody", async () => {
  const { admitted, received } = ask(HELLO, undefined);
  (await admitted)({} as Link);
  expect(received).toEqual([[HELLO.clientId, undefined, Infinity]]);
});

test("an unknown world, a refusal and a full world turn a client away, each with its code", async () => {
  const refuse = () => Promise.reject(new SyncError("unauthenticated", "who?"));
  await expect(ask({ ...HELLO, world: "constructor" }, undefined).admitted).rejects.toMatchObject({
    code: "unknown_world",
  });
  await expect(ask(HELLO, refuse).admitted).rejects.toMatchObject({
    code: "unauthenticated",
    message: "who?",
  });
  await expect(ask(HELLO, undefined, false).admitted).rejects.toMatchObject({
    code: "unavailable",
  });
});

test("what authenticate throws by mistake is for the server to know, not for the client", async () => {
  const { admitted, reported } = ask(HELLO, () => {
    throw new TypeError("connect ECONNREFUSED 10.0.0.3");
  });
  await expect(admitted).rejects.toMatchObject({
    code: "unauthenticated",
    message: "these credentials are not accepted",
  });
  expect(reported).toMatchObject([{ code: "handler_failed", cause: { name: "TypeError" } }]);
});

test("credentials that are never checked are a timeout", async () => {
  const { admitted, environment } = ask(HELLO, () => new Promise(() => undefined));
  expect(environment.nextMs).toBe(SERVER_LIMITS.authenticateTimeoutMs);
  environment.advance(SERVER_LIMITS.authenticateTimeoutMs);
  await expect(admitted).rejects.toMatchObject({ code: "timeout", retryable: true });
});

test("credentials that are checked leave no timer behind", async () => {
  const { admitted, environment } = ask(HELLO, () => "ann");
  await admitted;
  await Promise.resolve();
  expect(environment.nextMs).toBeUndefined();
});

test("what has expired is not let in, and what will is let in until then", async () => {
  const expiring = (expiresAt: number) => () => authenticated("ann", { expiresAt });
  await expect(ask(HELLO, expiring(TODAY)).admitted).rejects.toMatchObject({
    code: "token_expired",
    retryable: true,
  });
  const { admitted, received } = ask(HELLO, expiring(TODAY + 5_000));
  (await admitted)({} as Link);
  expect(received).toEqual([[HELLO.clientId, "ann", 5_000]]);
});

test("whose sessions are ended while the credentials are checked is turned away, and others are not", async () => {
  const { admitted, received, endings } = ask(HELLO, () => ({ id: "ann" }));
  endings.add("ann");
  const sent: Uint8Array[] = [];
  const link = { send: (bytes: Uint8Array) => sent.push(bytes), close: () => undefined };
  (await admitted)(link as unknown as Link);
  expect(received).toEqual([]);
  expect(sent).toHaveLength(1);

  const other = ask(HELLO, () => ({ id: "bob" }));
  other.endings.add("ann");
  (await other.admitted)({} as Link);
  expect(other.received).toHaveLength(1);
});
