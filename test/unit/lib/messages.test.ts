import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { encodeDelta } from "../../../lib/delta-codec.ts";
import type { ErrorData } from "../../../lib/errors.ts";
import { DEFAULT_LIMITS, type Limits } from "../../../lib/limits.ts";
import {
  decodeClientMessage,
  decodeServerMessage,
  encodeDeltaHeader,
  encodeFetch,
  encodeFetched,
  encodeGoodbye,
  encodeMutations,
  encodeWelcome,
  type Fetched,
  type Goodbye,
  type ServerMessage,
  type Welcome,
} from "../../../lib/messages.ts";
import { decodeMutation, encodeMutation } from "../../../lib/mutation-codec.ts";
import { ACCEPTED } from "../../../lib/outcome.ts";
import { ShapeDictionary } from "../../../lib/shape-codec.ts";
import { KnownShapes, makePropertySet, ShapeTable } from "../../../lib/shape.ts";
import { anyCount, anyId, anyMutation, anyText } from "../../support/arbitraries.ts";
import { codeOf, damaged, garbage, truncations } from "../../support/hostile.ts";

const welcome: Welcome = {
  epoch: "epoch",
  seq: 5,
  nextHandle: 7,
  isResumed: true,
  decided: 3,
  isForgotten: false,
  isDurable: true,
  sessionId: "session",
  mutationsInFlightMax: 10,
  mutationBytesMax: 100,
};

const error: ErrorData = {
  code: "rate_limited",
  message: "too fast",
  id: undefined,
  property: undefined,
  retryAfterMs: 250,
};

function toClient(bytes: Uint8Array): ServerMessage {
  return decodeServerMessage(bytes, new ShapeDictionary(DEFAULT_LIMITS), DEFAULT_LIMITS);
}

function toServer(
  bytes: Uint8Array,
  limits: Partial<Limits> = {},
): ReturnType<typeof decodeClientMessage> {
  const all = { ...DEFAULT_LIMITS, ...limits };
  return decodeClientMessage(bytes, new ShapeDictionary(all), all);
}

/** A message of the server of each kind. */
const serverFrames: Uint8Array[] = [
  encodeWelcome(welcome),
  encodeGoodbye({ error, reconnect: true }),
  encodeFetched({ request: 1, seq: 2, missing: ["a", "b"], error }),
  deltaFrame(),
];

function deltaFrame(): Uint8Array {
  const shape = new ShapeTable(10, makePropertySet).of(["x", "y"]);
  const values = [1, { nested: [new Date(0), Uint8Array.of(1)] }];
  const id = "a" as never;
  const delta = encodeDelta({
    from: 1,
    to: 2,
    changes: [{ kind: "create", handle: 1, id, shape, values, silent: true }],
  });
  const outcomes = [
    { n: 1, outcome: ACCEPTED },
    { n: 2, outcome: { kind: "rejected" as const, error } },
  ];
  return joined(encodeDeltaHeader(true, outcomes, delta, new KnownShapes()), delta.bytes);
}

function joined(...parts: Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => Array.from(part)));
}

test("a welcome comes back as it was", () => {
  const any = fc.record(
    {
      epoch: anyText,
      seq: anyCount,
      nextHandle: anyCount,
      isResumed: fc.boolean(),
      decided: anyCount,
      isForgotten: fc.boolean(),
      isDurable: fc.boolean(),
      ephemeral: fc.array(anyText),
      sessionId: anyText,
      mutationsInFlightMax: anyCount,
      mutationBytesMax: anyCount,
    },
    { noNullPrototype: true },
  );
  fc.assert(
    fc.property(any, (given) => {
      expect(toClient(encodeWelcome(given))).toStrictEqual({ kind: "welcome", ...given });
    }),
  );
});

test("a goodbye and an answer to a fetch come back as they were", () => {
  const goodbye: Goodbye = { error, reconnect: false };
  expect(toClient(encodeGoodbye(goodbye))).toEqual({ kind: "goodbye", ...goodbye });
  const answers: Fetched[] = [
    { request: 1, seq: 2, missing: [] },
    { request: 2 ** 40, seq: 2 ** 50, missing: ["a", "", "toString"], error },
  ];
  for (const answer of answers) {
    expect(toClient(encodeFetched(answer))).toEqual({ kind: "fetched", ...answer });
  }
});

test("a fetch comes back as it was", () => {
  const any = fc.record({ request: anyCount, ids: fc.array(anyId, { maxLength: 10 }) });
  fc.assert(
    fc.property(any, ({ request, ids }) => {
      expect(toServer(encodeFetch({ request, ids }))).toEqual({ kind: "fetch", request, ids });
    }),
  );
});

test("mutations come back as they were, with shapes that are defined once", () => {
  fc.assert(
    fc.property(fc.array(anyMutation, { maxLength: 4 }), anyCount, (mutations, settled) => {
      const table = new ShapeTable(20, makePropertySet);
      const known = new KnownShapes();
      const dictionary = new ShapeDictionary(DEFAULT_LIMITS);
      // The same twice: the second message has no definitions.
      for (const first of [1, 2 ** 30]) {
        const encoded = mutations.map((mutation) =>
          encodeMutation(mutation, table, () => undefined),
        );
        const missing = known.missing(new Set(encoded.flatMap(({ shapes }) => shapes)));
        if (first > 1) expect(missing).toEqual([]);
        const message = { settled, first, mutations: encoded.map(({ bytes }) => bytes) };
        const bytes = encodeMutations(message, missing, known);
        const decoded = decodeClientMessage(bytes, dictionary, DEFAULT_LIMITS);
        expect(decoded).toStrictEqual({ kind: "mutations", ...message });
        if (decoded.kind !== "mutations") return;
        for (const [i, body] of decoded.mutations.entries()) {
          const n = first + i;
          const read = decodeMutation(n, body, dictionary, DEFAULT_LIMITS, () => undefined);
          expect(read).toStrictEqual({ ...mutations[i], n });
        }
      }
    }),
    { numRuns: 50 },
  );
});

test("a delta says whether it makes the replica whole", () => {
  const delta = encodeDelta({ from: 3, to: 9, changes: [] });
  for (const isWhole of [true, false]) {
    const head = encodeDeltaHeader(isWhole, [], delta, new KnownShapes());
    expect(head.length).toBe(2);
    expect(toClient(joined(head, delta.bytes))).toEqual({
      kind: "delta",
      isWhole,
      outcomes: [],
      delta: { from: 3, to: 9, changes: [] },
    });
  }
});

test("a message of no known kind is unsupported, an empty one invalid", () => {
  for (const kind of [0, 5, 6, 127, 255]) {
    expect(codeOf(() => toClient(Uint8Array.of(kind, 0)))).toBe("unsupported");
    expect(codeOf(() => toServer(Uint8Array.of(kind, 0)))).toBe("unsupported");
  }
  expect(codeOf(() => toServer(Uint8Array.of(4, 0)))).toBe("unsupported");
  expect(codeOf(() => toClient(new Uint8Array()))).toBe("invalid_payload");
  expect(codeOf(() => toServer(new Uint8Array()))).toBe("invalid_payload");
});

test("mutations are numbered from 1", () => {
  const numbered = (first: number) =>
    encodeMutations({ settled: 0, first, mutations: [] }, [], new KnownShapes());
  expect(codeOf(() => toServer(numbered(0)))).toBe("invalid_payload");
  expect(codeOf(() => toServer(numbered(1)))).toBeUndefined();
});

test("a message has a bounded number of mutations and of ids", () => {
  const flood = Uint8Array.from([1, 0, 0, 1, ...new Array<number>(1_001).fill(0)]);
  expect(codeOf(() => toServer(flood))).toBe("limit_exceeded");
  expect(codeOf(() => toServer(flood.slice(1)))).toBe("unsupported");
  expect(codeOf(() => toServer(flood.slice(0, -1)))).toBeUndefined();
  const ids = ["a", "b", "c"] as never[];
  const fetch = encodeFetch({ request: 1, ids });
  expect(codeOf(() => toServer(fetch, { fetchIdsMax: 3 }))).toBeUndefined();
  expect(codeOf(() => toServer(fetch, { fetchIdsMax: 2 }))).toBe("limit_exceeded");
});

test("a fetch of an impossible id, and one with bytes left over, are refused", () => {
  expect(codeOf(() => toServer(encodeFetch({ request: 1, ids: ["" as never] })))).toBe(
    "invalid_id",
  );
  const fetch = encodeFetch({ request: 1, ids: [] });
  expect(codeOf(() => toServer(joined(fetch, Uint8Array.of(0))))).toBe("invalid_payload");
});

test("a server's message that lacks a field, or has it of another kind, is refused", () => {
  const { seq: _, ...withoutSeq } = welcome;
  const wrong = [
    { isResumed: 1 },
    { epoch: null },
    { isForgotten: undefined },
    { isDurable: 0 },
    { ephemeral: [1] },
  ];
  for (const fields of [withoutSeq, ...wrong.map((field) => ({ ...welcome, ...field }))]) {
    expect(codeOf(() => toClient(encodeWelcome(fields as Welcome)))).toBe("invalid_payload");
  }
  const strange = { request: 1, seq: 1, missing: ["a", { toString: 1 }, null, ["b"]] };
  expect(toClient(encodeFetched(strange as never))).toMatchObject({ missing: ["a"] });
  const goodbye = toClient(encodeGoodbye({ error: {} as ErrorData, reconnect: 1 as never }));
  expect(goodbye).toMatchObject({ reconnect: false, error: { code: "unsupported" } });
});

test("a field that a later version adds is ignored", () => {
  const later = { ...welcome, kind: "goodbye", more: { than: "now" } };
  expect(toClient(encodeWelcome(later))).toMatchObject({ ...welcome, kind: "welcome" });
});

test("server messages that are cut short, damaged or garbage are read or refused", () => {
  for (const frame of serverFrames) {
    for (const cut of truncations(frame)) codeOf(() => toClient(cut));
  }
  const any = fc.oneof(damaged(fc.constantFrom(...serverFrames)), garbage);
  fc.assert(
    fc.property(any, (bytes) => void codeOf(() => toClient(bytes))),
    { numRuns: 2_000 },
  );
});

test("client messages that are cut short, damaged or garbage are read or refused", () => {
  const table = new ShapeTable(20, makePropertySet);
  const operations = [
    { kind: "create" as const, id: "a" as never, properties: { x: [1, { y: 2 }] }, chosen: true },
    { kind: "update" as const, id: "b" as never, changes: { z: undefined, w: "text" } },
  ];
  const { bytes, shapes } = encodeMutation({ seen: 1, operations }, table, () => undefined);
  const message = { settled: 1, first: 2, mutations: [bytes, bytes] };
  const frames = [
    encodeMutations(message, shapes, new KnownShapes()),
    encodeFetch({ request: 1, ids: ["a", "b"] as never[] }),
  ];
  const receive = (given: Uint8Array) =>
    codeOf(() => {
      const dictionary = new ShapeDictionary(DEFAULT_LIMITS);
      const received = decodeClientMessage(given, dictionary, DEFAULT_LIMITS);
      if (received.kind !== "mutations") return;
      for (const [i, body] of received.mutations.entries()) {
        decodeMutation(received.first + i, body, dictionary, DEFAULT_LIMITS, () => undefined);
      }
    });
  for (const frame of frames) {
    expect(receive(frame)).toBeUndefined();
    for (const cut of truncations(frame)) receive(cut);
  }
  fc.assert(
    fc.property(fc.oneof(damaged(fc.constantFrom(...frames)), garbage), (given) => {
      receive(given);
    }),
    { numRuns: 2_000 },
  );
});
