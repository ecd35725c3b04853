import { afterEach, expect, test } from "@jest/globals";
import { DEFAULT_LIMITS, PROTOCOL } from "../../../lib/index.ts";
import { encodeFetch, encodeSubscribe, topicsToText } from "../../../lib/messages.ts";
import type { ObjectId, Value } from "../../../lib/object.ts";
import type { Topic } from "../../../lib/topics.ts";
import { writeValue } from "../../../lib/value-codec.ts";
import {
  answerTo,
  creating,
  destroying,
  mutations,
  one,
  refusalOf,
  together,
  updating,
  type Content,
} from "../../support/hand-made.ts";
import { codeOfEnd, HostileScene } from "../../support/hostile-scene.ts";
import { Stage } from "../../support/stage.ts";

/*
 * Hostile input over a socket, and the error code that it gets: what is wrong with a message by itself. Each
 * test is named after its row. Whatever comes, nothing is lost, and the server and others go on.
 */

const stage = new Stage();
afterEach(() => stage.clear());

const NS = PROTOCOL.defaultNamespace;
const MIB = 1024 * 1024;
const DEEP = "[".repeat(100_000) + "]".repeat(100_000);

/** Says something to a server that has welcomed it, and hears this code as goodbye. */
async function isSentAway(code: string, ...said: readonly (string | readonly number[])[]) {
  const scene = await HostileScene.open(stage);
  const client = await scene.welcomed();
  for (const one of said) {
    if (typeof one === "string") client.sendText(one);
    else client.send(one);
  }
  expect(await client.goodbye()).toBe(code);
  await client.until(() => client.isOver);
  await scene.isUnharmed();
}

test.each<[what: string, said: string | readonly number[]]>([
  ["of any name", `2${NS},["steal",{"a":1}]`],
  ["named error, which Node would throw", `2${NS},["error","boom"]`],
  ["named __proto__", `2${NS},["__proto__",{}]`],
  ["whose name is a number", `2${NS},[7]`],
  ["of a byte that is no message", [99, 1, 2, 3]],
  ["of garbage", Array.from({ length: 500 }, (_, i) => (i * 7919) % 256)],
  ["that is the answer to a question nobody asked", `3${NS},1[]`],
])("unknown event `unsupported`: one %s", (_what, said) => isSentAway("unsupported", said));

type Said = string | readonly number[];

test.each<[what: string, said: readonly Said[]]>([
  ["null", [`2${NS},["o",null]`]],
  ["an object", [`2${NS},["o",{"toString":null}]`]],
  ["a text", [`2${NS},["o","1"]`]],
  ["a list", [`2${NS},["o",[1,2]]`]],
  ["nothing", [`2${NS},["o"]`]],
  ["null, with an answer asked for", [`2${NS},7["o",null]`]],
  ["a number where a callback may be", [`2${NS},["o",null,5]`]],
  ["binary of nothing", [[]]],
  ["binary within an object", [`51-${NS},["o",{"a":{"_placeholder":true,"num":0}}]`, [1, 2, 3]]],
  ["binary that ends too early", [[PROTOCOL.fromClient.mutations]]],
  ["binary with a count beyond its end", [[PROTOCOL.fromClient.fetch, 1, 0xff, 0xff, 3]]],
])("null or non-object payload, unexpected binary `invalid_payload`: %s", (_what, said) =>
  isSentAway("invalid_payload", ...said),
);

test.each<[what: string, text: string]>([
  ["nonsense", "nonsense"],
  ["an attachment count that is none", "51-x"],
  ["a placeholder of no attachment", `51-${NS},["o",{"_placeholder":true,"num":9}]`],
  ["an event that is socket.io's own", `2${NS},["disconnecting"]`],
  ["an answer for a namespace that it is not in", '3{"a":1}'],
  ["a list that never ends", `2${"[".repeat(200_000)}`],
])("text that socket.io cannot read ends that connection only: %s", async (_what, text) => {
  const scene = await HostileScene.open(stage);
  const client = await scene.welcomed();
  client.sendText(text);
  if (text.startsWith("51-/")) client.send([1]);
  await client.until(() => client.isOver);
  await scene.isUnharmed();
});

/** A value of so many lists in each other. */
function nested(levels: number): Content {
  return (writer) => {
    for (let i = 0; i < levels; i++) {
      writer.byte(PROTOCOL.value.array);
      writer.varint(1);
    }
    one(writer);
  };
}

test.each([33, 100_000])(
  "nesting deeper than 32 `too_deep`: a value of %d levels, and one of 32 is taken",
  async (levels) => {
    const scene = await HostileScene.open(stage);
    const client = await scene.welcomed();
    client.send(mutations(1, creating("x", "a", nested(levels)), creating("y", "a", nested(32))));
    expect(await refusalOf(client, 1)).toMatchObject({ code: "too_deep" });
    expect(await refusalOf(client, 2)).toBeUndefined();
    await scene.sync.destroy("y");
    await scene.isUnharmed();
  },
);

/** A list in a list, so many times. */
function deepValue(levels: number): Value {
  let value: Value = 1;
  for (let i = 0; i < levels; i++) value = [value];
  return value;
}

test("nesting deeper than 32 `too_deep`: in what is subscribed to, at first or later", async () => {
  const scene = await HostileScene.open(stage);
  const topics = [deepValue(40)] as unknown as readonly Topic[];
  const refused = scene.connect({ topics: topicsToText(topics) });
  expect(await codeOfEnd(refused)).toBe("too_deep");
  const client = await scene.welcomed({ topics: topicsToText([]) });
  client.send(encodeSubscribe(1, topics));
  expect(await client.goodbye()).toBe("too_deep");
  await scene.isUnharmed();
});

test("200 KB of `[[[` must not kill the process: as an event's payload", () =>
  isSentAway("invalid_payload", `2${NS},["o",${DEEP}]`));

test("200 KB of `[[[` must not kill the process: with an attachment, which socket.io looks for in it", async () => {
  const scene = await HostileScene.open(stage);
  const client = await scene.welcomed();
  client.sendText(`51-${NS},["o",${DEEP}]`);
  client.send([1]);
  await client.until(() => client.isOver);
  await scene.isUnharmed();
});

test.each<[what: string, hello: string]>([
  ["what it need not have", `{"a":${DEEP}}`],
  ["its version", `{"version":${DEEP}}`],
  ["its world", `{"version":1,"world":${DEEP}}`],
  ["its cursor", `{"version":1,"world":"default","cursor":${DEEP}}`],
])("200 KB of `[[[` must not kill the process: as the hello, %s", async (_what, hello) => {
  const scene = await HostileScene.open(stage);
  const knocker = await scene.knock();
  knocker.say(`0${NS},${hello}`);
  const refusal = await knocker.refusal();
  expect(refusal.code).toBe("too_deep");
  expect(refusal.message.length).toBeLessThan(200); // what was said is not said back
  await scene.isUnharmed();
});

test.each<[what: string, hello: string, code: string]>([
  ["100,000 values", `{"a":[${"0,".repeat(100_000)}0]}`, "too_large"],
  [
    "100,000 names",
    `{${Array.from({ length: 100_000 }, (_, i) => `"${i}":0`).join()}}`,
    "too_large",
  ],
])("a hello with %s `too_large`", async (_what, hello, code) => {
  const scene = await HostileScene.open(stage);
  const knocker = await scene.knock();
  knocker.say(`0${NS},${hello}`);
  expect((await knocker.refusal()).code).toBe(code);
  await scene.isUnharmed();
});

test.each<[what: string, hello: object, code: string]>([
  ["of another version", { version: 99 }, "unsupported"],
  ["without a version", { version: undefined }, "unsupported"],
  ["of an unknown world", { world: "nowhere" }, "unknown_world"],
  ["of a world that is a prototype's property", { world: "__proto__" }, "unknown_world"],
  ["of a world that is no text", { world: { a: 1 } }, "invalid_payload"],
  ["without a clientId", { clientId: undefined }, "invalid_payload"],
  ["of a huge clientId", { clientId: "x".repeat(100_000) }, "invalid_payload"],
  ["without a cursor", { cursor: null }, "invalid_payload"],
  ["of a negative cursor", { cursor: { epoch: "", seq: -1 } }, "invalid_payload"],
  ["of a fractional cursor", { cursor: { epoch: "", seq: 1.5 } }, "invalid_payload"],
  ["of topics that are no text", { topics: [] }, "invalid_payload"],
  ["of topics in half of base64", { topics: "A" }, "invalid_payload"],
  ["of topics in no base64", { topics: "ä===" }, "invalid_payload"],
  ["of no topics", { topics: "" }, "invalid_payload"],
  ["of topics that are no list", { topics: btoa("\u0001") }, "invalid_query"],
])("a hello %s is refused with its code", async (_what, hello, code) => {
  const scene = await HostileScene.open(stage);
  const client = scene.connect(hello);
  await client.until(() => client.isOver);
  expect(client.connectError?.data).toMatchObject({ code });
  await scene.isUnharmed();
});

test("larger than the limit `too_large`: a message, whatever it is", async () => {
  const scene = await HostileScene.open(stage);
  for (const bytes of [2 * MIB, DEFAULT_LIMITS.messageBytesMax + 1]) {
    const client = await scene.welcomed();
    client.send(new Uint8Array(bytes));
    expect(await client.goodbye()).toBe("too_large");
    await client.until(() => client.isOver);
  }
  await scene.isUnharmed();
});

test("larger than the limit `too_large`: a message that comes before the hello, which has nobody to be told", async () => {
  const scene = await HostileScene.open(stage);
  const knocker = await scene.knock();
  knocker.say("2".repeat(2 * MIB));
  await knocker.isEnded();
  await scene.isUnharmed();
});

test.each<[what: string, said: readonly number[]]>([
  ["0", [0]],
  ["-1", [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]],
  ["1.5", [...new Uint8Array(new Float64Array([1.5]).buffer)]],
])("n of 0, -1, 1.5 `invalid_payload`: %s", (_n, number) =>
  isSentAway("invalid_payload", [PROTOCOL.fromClient.mutations, 0, 0, ...number, 1, 0]),
);

const float = (number: number): Content => {
  return (writer) => {
    writer.byte(PROTOCOL.value.float64);
    writer.float64(number);
  };
};

/** A create with so many properties. */
const wide = (count: number): Content =>
  together((writer) => {
    writer.byte(PROTOCOL.operation.create | PROTOCOL.operation.chosen);
    writer.text("wide");
    writer.varint(0); // a shape by its names
    writer.varint(count);
    for (let i = 0; i < count; i++) writer.text(`p${i}`);
    for (let i = 0; i < count; i++) one(writer);
  });

const destroyingTree: Content = (writer) => {
  writer.byte(PROTOCOL.operation.destroy);
  writer.text("tree");
};

const inObject = (key: string): Content => {
  return (writer) => {
    writer.byte(PROTOCOL.value.object);
    writer.varint(1);
    writer.text(key);
    one(writer);
  };
};

const long = (writer: Parameters<Content>[0]): void => writeValue(writer, "x".repeat(600_000));

test.each<[row: string, content: Content, code: string]>([
  ["larger than the limit `too_large`: one write", creating("x", "a", long), "too_large"],
  [
    "property `__proto__`, `constructor`, `prototype` `reserved_key`: the first",
    creating("x", "__proto__", one),
    "reserved_key",
  ],
  ["... the second", creating("x", "constructor", one), "reserved_key"],
  ["... the third", updating("tree", "prototype", one), "reserved_key"],
  ["... within a value", creating("x", "a", inObject("__proto__")), "reserved_key"],
  ["empty id `invalid_id`", creating("", "a", one), "invalid_id"],
  ["id over 256 bytes `invalid_id`", creating("x".repeat(257), "a", one), "invalid_id"],
  ["... of fewer letters", creating("ä".repeat(129), "a", one), "invalid_id"],
  ["NUL in an id `invalid_id`", updating("a\0b", "a", one), "invalid_id"],
  ["lone surrogate in an id `invalid_id`", destroying("\ud800"), "invalid_id"],
  ["an update that changes the id `invalid_id`", updating("tree", "id", one), "invalid_id"],
  ["... or a create that has two", creating("x", "id", one), "invalid_id"],
  ["NaN `invalid_value`", creating("x", "a", float(NaN)), "invalid_value"],
  ["infinity `invalid_value`", creating("x", "a", float(-Infinity)), "invalid_value"],
  ["integers past 2^53 `invalid_value`", creating("x", "a", float(2 ** 53)), "invalid_value"],
  ["10,000 properties `limit_exceeded`", wide(10_000), "limit_exceeded"],
  [
    "1,001 operations `limit_exceeded`",
    together(...Array.from({ length: 1_001 }, () => destroyingTree)),
    "limit_exceeded",
  ],
  ["a handle that nobody gave `gone`", updating(123_456, "height", one), "gone"],
])("%s, and the write after it is accepted", async (_row, content, code) => {
  const scene = await HostileScene.open(stage);
  const client = await scene.welcomed();
  client.send(mutations(1, content, creating("fine", "a", one)));
  expect(await refusalOf(client, 1)).toMatchObject({ code });
  expect(await refusalOf(client, 2)).toBeUndefined();
  expect(Object.prototype).not.toHaveProperty("a");
  await scene.isUnharmed({ fine: { id: "fine", a: 1 } });
});

test("larger than the limit `too_large`, 10,000 properties `limit_exceeded`: what grows to it bit by bit", async () => {
  const scene = await HostileScene.open(stage, { limits: { propertiesPerObjectMax: 3 } });
  await scene.sync.create({ id: "wide", a: 1, b: 2, c: 3 });
  await scene.sync.create({ id: "large", a: "x".repeat(400_000) });
  const client = await scene.welcomed();
  const half: Content = (writer) => writeValue(writer, "x".repeat(200_000));
  client.send(mutations(1, updating("wide", "d", one), updating("large", "b", half)));
  expect(await refusalOf(client, 1)).toMatchObject({ code: "limit_exceeded" });
  expect(await refusalOf(client, 2)).toMatchObject({ code: "too_large" });
  await scene.isUnharmed({
    wide: { id: "wide", a: 1, b: 2, c: 3 },
    large: { id: "large", a: "x".repeat(400_000) },
  });
});

test("`toJSON`, `then`: plain data", async () => {
  const scene = await HostileScene.open(stage);
  const client = await scene.welcomed();
  const names = ["toJSON", "then", "toString", "hasOwnProperty", "valueOf"];
  client.send(mutations(1, ...names.map((name) => creating(name, name, one))));
  expect(await refusalOf(client, names.length)).toBeUndefined();
  const created = names.map((name) => [name, { id: name, [name]: 1 }] as const);
  await scene.isUnharmed(Object.fromEntries(created));
});

test("a gap `out_of_order`: nothing of it is applied, and who begins at the right number goes on", async () => {
  const scene = await HostileScene.open(stage);
  const client = await scene.welcomed();
  client.send(mutations(5, creating("late", "a", one)));
  expect(await client.goodbye()).toBe("out_of_order");
  expect(client.messages.find(({ kind }) => kind === "goodbye")).toMatchObject({ reconnect: true });
  const again = await scene.welcomed();
  again.send(mutations(1, creating("fine", "a", one)));
  expect(await refusalOf(again, 1)).toBeUndefined();
  await scene.isUnharmed({ fine: { id: "fine", a: 1 } });
});

test("same n, other body `mutation_mismatch`; the same body is the recorded outcome", async () => {
  const scene = await HostileScene.open(stage);
  const client = await scene.welcomed();
  const outcome = async (content: Content): Promise<unknown> => {
    client.messages.length = 0;
    client.send(mutations(1, content));
    return (await refusalOf(client, 1))?.code;
  };
  expect(await outcome(creating("a", "a", one))).toBeUndefined();
  expect(await outcome(creating("a", "a", one))).toBeUndefined();
  expect(await outcome(creating("b", "a", one))).toBe("mutation_mismatch");
  client.send(mutations(2, creating("c", "a", one)));
  expect(await refusalOf(client, 2)).toBeUndefined();
  await scene.isUnharmed({ a: { id: "a", a: 1 }, c: { id: "c", a: 1 } });
});

test("more ids than one fetch may have `limit_exceeded`", async () => {
  const scene = await HostileScene.open(stage);
  const client = await scene.welcomed();
  const ids = (count: number) => Array.from({ length: count }, (_, i) => `id${i}` as ObjectId);
  client.send(encodeFetch({ request: 1, ids: ids(DEFAULT_LIMITS.fetchIdsMax) }));
  expect((await answerTo(client, 1)).missing).toHaveLength(DEFAULT_LIMITS.fetchIdsMax);
  client.send(encodeFetch({ request: 2, ids: ids(DEFAULT_LIMITS.fetchIdsMax + 1) }));
  expect(await client.goodbye()).toBe("limit_exceeded");
  await scene.isUnharmed();
});
