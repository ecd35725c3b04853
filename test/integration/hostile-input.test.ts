import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { ByteWriter } from "../../lib/bytes.ts";
import { DEFAULT_LIMITS, PROTOCOL, SyncError } from "../../lib/index.ts";
import { encodeFetch } from "../../lib/messages.ts";
import type { ObjectId } from "../../lib/object.ts";
import { writeValue } from "../../lib/value-codec.ts";
import { ObjectSyncServer } from "../../server/index.ts";
import { eventually } from "../support/eventually.ts";
import { Network } from "../support/network.ts";
import { HELLO, RawClient } from "../support/raw-client.ts";

const LIMITS = { messagesPerSecondMax: 50, fetchIdsMax: 10, propertiesPerObjectMax: 100 };
const MIB = 1024 * 1024;

let sync: ObjectSyncServer;
let url: string;
const clients: RawClient[] = [];

beforeEach(async () => {
  sync = new ObjectSyncServer({ limits: LIMITS });
  url = `http://localhost:${String(await sync.listen(0))}`;
  await sync.create({ id: "tree", height: 3 });
});

afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await sync.close();
});

function connect(auth: object = HELLO): RawClient {
  const client = new RawClient(url, auth);
  clients.push(client);
  return client;
}

async function welcomed(auth: object = HELLO): Promise<RawClient> {
  const client = connect(auth);
  await client.until(() => client.messages.some((m) => m.kind === "delta" && m.isWhole));
  return client;
}

/** The world is as it was, and the server still serves others. */
async function expectUnharmed(): Promise<void> {
  expect(Object.fromEntries(sync.allObjects())).toEqual({ tree: { id: "tree", height: 3 } });
  const other = await welcomed({ ...HELLO, clientId: "another-client" });
  expect(other.isOver).toBe(false);
}

/** One message of mutations, each given by what it writes after its length. */
function mutations(first: number, ...contents: ((writer: ByteWriter) => void)[]): Uint8Array {
  const message = new ByteWriter();
  message.byte(PROTOCOL.fromClient.mutations);
  message.varint(0); // settled
  message.varint(0); // no definitions
  message.varint(first);
  for (const content of contents) {
    const mutation = new ByteWriter();
    content(mutation);
    message.varint(mutation.length);
    message.raw(mutation.take());
  }
  return message.take();
}

/** A mutation that creates `id` with one property, whose value is what `value` writes. */
function creating(id: string, name: string, value: (writer: ByteWriter) => void) {
  return (writer: ByteWriter): void => {
    writer.varint(0); // seen
    writer.varint(1); // operations
    writer.byte(PROTOCOL.operation.create | PROTOCOL.operation.chosen);
    writer.text(id);
    writer.varint(0); // a shape by its names
    writer.varint(1);
    writer.text(name);
    value(writer);
  };
}

const one = (writer: ByteWriter): void => writeValue(writer, 1);

/** What became of mutation `n`: "accepted", or the code that it was rejected with. */
async function outcomeOf(client: RawClient, n: number): Promise<string> {
  const outcome = await client.until(() =>
    client.messages
      .flatMap((message) => (message.kind === "delta" ? message.outcomes : []))
      .find((decided) => decided.n === n),
  );
  return outcome.outcome.kind === "accepted" ? "accepted" : outcome.outcome.error.code;
}

test.each<[what: string, bytes: readonly number[], code: string]>([
  ["an unknown message", [99, 1, 2, 3], "unsupported"],
  ["an empty message", [], "invalid_payload"],
  ["a truncated message", [PROTOCOL.fromClient.mutations], "invalid_payload"],
  ["a mutation numbered 0", [PROTOCOL.fromClient.mutations, 0, 0, 0, 1, 0], "invalid_payload"],
  [
    "a count larger than the message",
    [PROTOCOL.fromClient.fetch, 1, 0xff, 0xff, 3],
    "invalid_payload",
  ],
  ["garbage", Array.from({ length: 500 }, (_, i) => (i * 7919) % 256), "unsupported"],
])(
  "%s is answered with a goodbye of its code, and the server goes on",
  async (_what, bytes, code) => {
    const client = await welcomed();
    client.send(bytes);
    expect(await client.goodbye()).toBe(code);
    await expectUnharmed();
  },
);

test.each<[what: string, text: string, code: string]>([
  ["an unknown event", `2${PROTOCOL.defaultNamespace},["steal",{"a":1}]`, "unsupported"],
  ["a null payload", `2${PROTOCOL.defaultNamespace},["o",null]`, "invalid_payload"],
  [
    "an object as payload",
    `2${PROTOCOL.defaultNamespace},["o",{"toString":null}]`,
    "invalid_payload",
  ],
  ["no payload", `2${PROTOCOL.defaultNamespace},["o"]`, "invalid_payload"],
  ["an acknowledgement asked for", `2${PROTOCOL.defaultNamespace},7["o",null]`, "invalid_payload"],
  [
    "a number where a callback may be",
    `2${PROTOCOL.defaultNamespace},["o",null,5]`,
    "invalid_payload",
  ],
])(
  "%s is answered with a goodbye of its code, and the server goes on",
  async (_what, text, code) => {
    const client = await welcomed();
    client.sendText(text);
    expect(await client.goodbye()).toBe(code);
    await expectUnharmed();
  },
);

test("text that socket.io cannot read ends that connection only", async () => {
  for (const text of ["nonsense", "51-x", `2${"[".repeat(200_000)}`, '3{"a":1}']) {
    const client = await welcomed();
    client.sendText(text);
    await client.until(() => client.isOver);
  }
  await expectUnharmed();
});

test("200 KB of nested brackets are refused as socket.io text, in the hello, and in a value", async () => {
  const nested = "[".repeat(100_000) + "]".repeat(100_000);
  const client = await welcomed();
  client.sendText(`2${PROTOCOL.defaultNamespace},["o",${nested}]`);
  expect(await client.goodbye()).toBe("invalid_payload");

  const writer = await welcomed({ ...HELLO, clientId: "a-deep-writer" });
  writer.send(
    mutations(
      1,
      creating("deep", "value", (value) => {
        for (let i = 0; i < 100_000; i++) {
          value.byte(PROTOCOL.value.array);
          value.varint(1);
        }
        one(value);
      }),
    ),
  );
  expect(await outcomeOf(writer, 1)).toBe("too_deep");
  await expectUnharmed();
});

test.each<[what: string, content: (writer: ByteWriter) => void, code: string]>([
  ["a property named __proto__", creating("x", "__proto__", one), "reserved_key"],
  ["a property named constructor", creating("x", "constructor", one), "reserved_key"],
  ["a property named prototype", creating("x", "prototype", one), "reserved_key"],
  ["a property that is the id", creating("x", "id", one), "invalid_id"],
  ["an empty id", creating("", "a", one), "invalid_id"],
  ["an id with NUL", creating("a\0b", "a", one), "invalid_id"],
  ["an id with half a surrogate pair", creating("\ud800", "a", one), "invalid_id"],
  ["an id of 257 bytes", creating("x".repeat(257), "a", one), "invalid_id"],
  [
    "NaN",
    creating("x", "a", (writer) => {
      writer.byte(PROTOCOL.value.float64);
      writer.float64(NaN);
    }),
    "invalid_value",
  ],
  [
    "infinity",
    creating("x", "a", (writer) => {
      writer.byte(PROTOCOL.value.float64);
      writer.float64(-Infinity);
    }),
    "invalid_value",
  ],
  [
    "2^53 as a double",
    creating("x", "a", (writer) => {
      writer.byte(PROTOCOL.value.float64);
      writer.float64(2 ** 53);
    }),
    "invalid_value",
  ],
  [
    "a key named __proto__ within a value",
    creating("x", "a", (writer) => {
      writer.byte(PROTOCOL.value.object);
      writer.varint(1);
      writer.text("__proto__");
      one(writer);
    }),
    "reserved_key",
  ],
  [
    "an object that is too large",
    creating("x", "a", (w) => writeValue(w, "x".repeat(600_000))),
    "too_large",
  ],
  [
    "too many properties",
    (writer) => {
      writer.varint(0);
      writer.varint(1);
      writer.byte(PROTOCOL.operation.create);
      writer.text("wide");
      writer.varint(0);
      writer.varint(101);
      for (let i = 0; i < 101; i++) writer.text(`p${String(i)}`);
      for (let i = 0; i < 101; i++) one(writer);
    },
    "limit_exceeded",
  ],
  [
    "too many operations",
    (writer) => {
      writer.varint(0);
      writer.varint(1_001);
      for (let i = 0; i < 1_001; i++) {
        writer.byte(PROTOCOL.operation.destroy);
        writer.text("tree");
      }
    },
    "limit_exceeded",
  ],
  [
    "an update by a handle that nobody gave",
    (writer) => {
      writer.varint(0);
      writer.varint(1);
      writer.byte(PROTOCOL.operation.update | PROTOCOL.operation.byHandle);
      writer.varint(123_456);
      writer.varint(0);
      writer.varint(1);
      writer.text("height");
      one(writer);
    },
    "gone",
  ],
])(
  "a write with %s is rejected with its code, and the next one is accepted",
  async (_what, content, code) => {
    const client = await welcomed();
    client.send(mutations(1, content, creating("fine", "a", one)));
    expect(await outcomeOf(client, 1)).toBe(code);
    expect(await outcomeOf(client, 2)).toBe("accepted");
    await sync.destroy("fine");
    await expectUnharmed();
  },
);

test("toJSON, then, toString and hasOwnProperty are plain data", async () => {
  const client = await welcomed();
  const names = ["toJSON", "then", "toString", "hasOwnProperty", "valueOf"];
  client.send(mutations(1, ...names.map((name, i) => creating(`o${String(i)}`, name, one))));
  expect(await outcomeOf(client, names.length)).toBe("accepted");
  for (const [i, name] of names.entries()) {
    expect(Object.entries(sync.get(`o${String(i)}`) ?? {})).toContainEqual([name, 1]);
  }
});

test("a gap in the numbers is refused as out_of_order, and nothing of it is applied", async () => {
  const client = await welcomed();
  client.send(mutations(5, creating("late", "a", one)));
  expect(await client.goodbye()).toBe("out_of_order");
  await expectUnharmed();
});

test("a number that is used for another write is a mutation_mismatch; for the same it is recalled", async () => {
  const client = await welcomed();
  client.send(mutations(1, creating("a", "a", one)));
  expect(await outcomeOf(client, 1)).toBe("accepted");
  client.messages.length = 0;
  client.send(mutations(1, creating("a", "a", one)));
  expect(await outcomeOf(client, 1)).toBe("accepted");
  client.messages.length = 0;
  client.send(mutations(1, creating("b", "a", one)));
  expect(await outcomeOf(client, 1)).toBe("mutation_mismatch");
  expect([...sync.allObjects().keys()].sort()).toEqual(["a", "tree"]);
});

test("a fetch of too many ids is limit_exceeded", async () => {
  const client = await welcomed();
  const ids = Array.from({ length: 11 }, (_, i) => `id${String(i)}` as ObjectId);
  client.send(encodeFetch({ request: 1, ids }));
  expect(await client.goodbye()).toBe("limit_exceeded");
  await expectUnharmed();
});

test("a flood is rate_limited with a time to come back, and then said goodbye to", async () => {
  const client = await welcomed();
  const ids = ["tree" as ObjectId];
  for (let i = 0; i < 500; i++) client.send(encodeFetch({ request: i, ids }));
  expect(await client.goodbye()).toBe("rate_limited");
  const goodbye = client.messages.find((message) => message.kind === "goodbye");
  expect(goodbye?.reconnect).toBe(true);
  expect(goodbye?.error.retryAfterMs).toBeGreaterThan(0);
  await expectUnharmed();
});

test("a message larger than the limit ends that connection only", async () => {
  const client = await welcomed();
  client.send(new Uint8Array(2 * MIB));
  await client.until(() => client.isOver);
  await expectUnharmed();
});

test.each<[what: string, hello: unknown, code: string]>([
  ["of another version", { ...HELLO, version: 99 }, "unsupported"],
  ["without a version", {}, "unsupported"],
  ["with an unknown world", { ...HELLO, world: "nowhere" }, "unknown_world"],
  [
    "with a world that is a prototype's property",
    { ...HELLO, world: "__proto__" },
    "unknown_world",
  ],
  ["with a world that is no text", { ...HELLO, world: { a: 1 } }, "invalid_payload"],
  ["without a clientId", { ...HELLO, clientId: undefined }, "invalid_payload"],
  ["with a huge clientId", { ...HELLO, clientId: "x".repeat(100_000) }, "invalid_payload"],
  ["without a cursor", { ...HELLO, cursor: null }, "invalid_payload"],
  ["with a negative cursor", { ...HELLO, cursor: { epoch: "", seq: -1 } }, "invalid_payload"],
  ["with a fractional cursor", { ...HELLO, cursor: { epoch: "", seq: 1.5 } }, "invalid_payload"],
])("a hello %s is turned away with its code", async (_what, hello, code) => {
  const client = connect(hello as object);
  await client.until(() => client.isOver);
  expect(client.connectError?.data).toMatchObject({ code });
  await expectUnharmed();
});

test.each<[what: string, cursor: { epoch: string; seq: number }]>([
  ["from another epoch", { epoch: "some other world", seq: 1 }],
  ["from the future", { epoch: "", seq: 1_000_000 }],
])("a cursor %s gets a snapshot that replaces, and nothing more", async (_what, cursor) => {
  const first = await welcomed();
  const welcome = first.messages.find((message) => message.kind === "welcome");
  const epoch = cursor.epoch === "" ? (welcome?.epoch ?? "") : cursor.epoch;
  const client = await welcomed({
    ...HELLO,
    clientId: "time-traveller",
    cursor: { ...cursor, epoch },
  });
  expect(client.messages.find((message) => message.kind === "welcome")?.isResumed).toBe(false);
  await expectUnharmed();
});

test.each<[what: string, options: object, property: string]>([
  ["an unknown option", { stoer: 1 }, "stoer"],
  ["a limit that is NaN", { limits: { idBytesMax: NaN } }, "idBytesMax"],
  ["a negative limit", { limits: { pageBytes: -1 } }, "pageBytes"],
  ["an unknown limit", { limits: { pageByte: 1 } }, "pageByte"],
  ["a flush that is no time", { flush: "sometimes" }, "flush"],
  ["a negative flush", { flush: -1 }, "flush"],
  ["a path without a slash", { path: "sync" }, "path"],
  ["an unknown handler", { handlers: { craete: () => undefined } }, "craete"],
  ["a handler that is no function", { handlers: { create: 1 } }, "create"],
  ["an authorize that is no function", { authorize: true }, "authorize"],
])("%s is a bad_option that names it", (_what, options, property) => {
  let thrown: unknown;
  try {
    new ObjectSyncServer(options);
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toBeInstanceOf(SyncError);
  expect(thrown).toMatchObject({ code: "bad_option", property });
});

test("in production a server without authorize refuses to start unless it says open", () => {
  const before = process.env["NODE_ENV"];
  process.env["NODE_ENV"] = "production";
  try {
    expect(() => new ObjectSyncServer()).toThrow(expect.objectContaining({ code: "bad_option" }));
    expect(() => new ObjectSyncServer({ open: true })).not.toThrow();
    expect(() => new ObjectSyncServer({ authorize: () => true })).not.toThrow();
  } finally {
    process.env["NODE_ENV"] = before;
  }
});

test("every limit that a client meets has a default", () => {
  expect(Object.values(DEFAULT_LIMITS).every((limit) => limit > 0)).toBe(true);
});

test("a connection that has answers pile up which it never reads is cut", async () => {
  const small = new ObjectSyncServer({ limits: { waitingBytesMax: 10_000 } });
  const network = await Network.to(await small.listen(0));
  const client = new RawClient(network.url);
  await client.until(() => client.messages.length > 0);
  network.stopDelivering();
  let isCut = false;
  small.on("disconnect", () => (isCut = true));
  // Each is answered with its name, by socket.io itself.
  const unknown = `0/${"x".repeat(10_000)},`;
  await eventually(() => {
    for (let i = 0; i < 20; i++) client.sendText(unknown);
    return isCut;
  });
  client.close();
  await network.close();
  await small.close();
});
