import { encodeDelta } from "../../lib/delta-codec.ts";
import type { Change } from "../../lib/delta.ts";
import { DEFAULT_LIMITS } from "../../lib/limits.ts";
import {
  decodeClientMessage,
  decodeServerMessage,
  encodeDeltaHeader,
  encodeFetch,
  encodeFetched,
  encodeGoodbye,
  encodeMutations,
  encodeSubscribe,
  encodeWelcome,
} from "../../lib/messages.ts";
import { decodeMutation, encodeMutation } from "../../lib/mutation-codec.ts";
import type { ObjectId, Value } from "../../lib/object.ts";
import type { Operation } from "../../lib/operation.ts";
import { ACCEPTED, type NumberedOutcome } from "../../lib/outcome.ts";
import { ShapeDictionary } from "../../lib/shape-codec.ts";
import { KnownShapes, makePropertySet, ShapeTable } from "../../lib/shape.ts";

/** One message, the bytes that it has always had, and what a reader makes of them. */
export interface GoldenFrame {
  readonly hex: string;
  readonly encoded: Uint8Array;
  /** What was written. */
  readonly message: unknown;
  readonly decoded: () => unknown;
}

const id = (text: string): ObjectId => text as ObjectId;
const limits = DEFAULT_LIMITS;

export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

function fromServer(hex: string, encoded: Uint8Array, message: object): GoldenFrame {
  const decoded = () =>
    decodeServerMessage(Buffer.from(hex, "hex"), new ShapeDictionary(limits), limits);
  return { hex, encoded, message, decoded };
}

function welcome(hex: string): GoldenFrame {
  const fields = {
    epoch: "V1StGXR8",
    seq: 5,
    nextHandle: 4,
    isResumed: false,
    decided: 2,
    isForgotten: false,
    isDurable: true,
    sessionId: "s-1",
    mutationsInFlightMax: 1_000,
    mutationBytesMax: 524_288,
  };
  return fromServer(hex, encodeWelcome(fields), { kind: "welcome", ...fields });
}

/** All that a delta can have: outcomes of each kind, a definition, changes of each kind. */
function delta(hex: string): GoldenFrame {
  const table = new ShapeTable(10, makePropertySet);
  const position = table.of(["x", "y"]);
  const inline = { number: 0, names: ["say"], nameNumbers: [] };
  const silent = false;
  const changes: Change[] = [
    { kind: "create", handle: 7, id: id("tree:1"), shape: position, values: [10, -1.5], silent },
    { kind: "create", handle: 8, id: id("tree:2"), shape: position, values: [0, 300], silent },
    { kind: "update", handle: 3, shape: inline, values: [undefined], silent },
    { kind: "update", handle: 4, shape: position, values: [11, 12], silent: true },
    { kind: "destroy", handle: 5, silent },
    { kind: "destroy", handle: 6, silent },
  ];
  const error = { code: "gone" as const, message: "it was destroyed", id: "tree:9" };
  const renamed = new Map([[id("tmp"), id("tree:2")]]);
  const outcomes: NumberedOutcome[] = [
    { n: 3, outcome: ACCEPTED },
    { n: 4, outcome: ACCEPTED },
    { n: 5, outcome: { kind: "accepted", renamed } },
    { n: 6, outcome: { kind: "rejected", error } },
  ];
  const body = { from: 40, to: 42, changes };
  const encoded = encodeDelta(body);
  const header = encodeDeltaHeader(true, outcomes, encoded, new KnownShapes());
  const bytes = Uint8Array.from([...header, ...encoded.bytes]);
  return fromServer(hex, bytes, { kind: "delta", isWhole: true, outcomes, delta: body });
}

/** A page of a snapshot: nothing decided, nothing defined, more to come. */
function page(hex: string): GoldenFrame {
  const change: Change = { kind: "destroy", handle: 300, silent: true };
  const body = { from: 0, to: 129, changes: [change] };
  const encoded = encodeDelta(body);
  const header = encodeDeltaHeader(false, [], encoded, new KnownShapes());
  const bytes = Uint8Array.from([...header, ...encoded.bytes]);
  return fromServer(hex, bytes, { kind: "delta", isWhole: false, outcomes: [], delta: body });
}

function mutations(hex: string): GoldenFrame {
  const table = new ShapeTable(10, makePropertySet);
  const all: Operation[][] = [
    [
      { kind: "create", id: id("tree:1"), properties: { x: 1, y: 2 }, chosen: true },
      { kind: "create", id: id("tmp"), properties: { x: 3, y: 4 }, chosen: false },
    ],
    [
      { kind: "update", id: id("known"), changes: { y: undefined } },
      { kind: "destroy", id: id("tree:7") },
    ],
  ];
  const handleOf = (one: ObjectId) => (one === "known" ? 9 : undefined);
  const encoded = all.map((operations) =>
    encodeMutation({ seen: 40, operations }, table, handleOf),
  );
  const shapes = new Set(encoded.flatMap((one) => one.shapes));
  const message = { settled: 2, first: 3, mutations: encoded.map(({ bytes }) => bytes) };
  const known = new KnownShapes();
  const bytes = encodeMutations(message, known.missing(shapes), known);
  const decoded = () => {
    const dictionary = new ShapeDictionary(limits);
    const read = decodeClientMessage(Buffer.from(hex, "hex"), dictionary, limits);
    if (read.kind !== "mutations") return read;
    const { settled, first } = read;
    const idOf = (handle: number) => (handle === 9 ? id("known") : undefined);
    const decodeOne = (body: Uint8Array, i: number) =>
      decodeMutation(first + i, body, dictionary, limits, idOf);
    return { settled, mutations: read.mutations.map(decodeOne) };
  };
  const written = all.map((operations, i) => ({ n: 3 + i, seen: 40, operations }));
  return { hex, encoded: bytes, message: { settled: 2, mutations: written }, decoded };
}

function fetch(hex: string): GoldenFrame {
  const message = { request: 1, ids: [id("tree:1"), id("Bär")] };
  const decoded = () =>
    decodeClientMessage(Buffer.from(hex, "hex"), new ShapeDictionary(limits), limits);
  return { hex, encoded: encodeFetch(message), message: { kind: "fetch", ...message }, decoded };
}

function subscribe(hex: string): GoldenFrame {
  const topics = [{ namespace: "chat" }, { query: { level: { $gte: 5 } } }];
  const decoded = () =>
    decodeClientMessage(Buffer.from(hex, "hex"), new ShapeDictionary(limits), limits);
  const message = { kind: "subscribe", request: 1, topics };
  return { hex, encoded: encodeSubscribe(1, topics), message, decoded };
}

function fetched(hex: string): GoldenFrame {
  const fields = { request: 1, seq: 42, missing: ["Bär"] };
  return fromServer(hex, encodeFetched(fields), { kind: "fetched", ...fields });
}

function goodbye(hex: string): GoldenFrame {
  const error = { code: "unavailable" as const, message: "back soon", retryAfterMs: 500 };
  const fields = { error, reconnect: true };
  return fromServer(hex, encodeGoodbye(fields), { kind: "goodbye", ...fields });
}

/** One value of every kind, as the property of an update. */
function values(hex: string): GoldenFrame {
  const all: (Value | undefined)[] = [
    undefined,
    null,
    false,
    true,
    0,
    1,
    -1,
    31,
    32,
    8_159,
    -8_161,
    2 ** 29 - 1,
    1 - 2 ** 29,
    2 ** 29,
    -(2 ** 53 - 1),
    0.5,
    0.1,
    "",
    "é",
    "a".repeat(50),
    "a".repeat(51),
    new Date(1_000),
    new Date(-1),
    new Date(1_700_000_000_000),
    Uint8Array.of(1, 255),
    [1, [true]],
    { "": null, toString: "😀" },
  ];
  const names = all.map((_, i) => `${i}`);
  const shape = { number: 0, names, nameNumbers: [] };
  const change: Change = { kind: "update", handle: 1, shape, values: all, silent: false };
  const body = { from: 1, to: 2, changes: [change] };
  const encoded = encodeDelta(body);
  const header = encodeDeltaHeader(true, [], encoded, new KnownShapes());
  const bytes = Uint8Array.from([...header, ...encoded.bytes]);
  return fromServer(hex, bytes, { kind: "delta", isWhole: true, outcomes: [], delta: body });
}

export const GOLDEN_FRAMES = {
  welcome: welcome(
    "01090a0565706f6368155631537447585238037365714a0a6e65787448616e646c6548096973526573756d6564020764656369646564440b6973466f72676f7474656e0209697344757261626c65030973657373696f6e496410732d31146d75746174696f6e73496e466c696768744d61789010106d75746174696f6e42797465734d6178c08040",
  ),
  delta: delta(
    "020703020500010103746d7006747265653a32060002090304636f646511676f6e65076d6573736167651d6974207761732064657374726f79656402696413747265653a3900010201017802017901020102280202090e06747265653a3154050000c0bf0206747265653a32409805010001037361790300010c04565802020506",
  ),
  page: page("02000081010106ac02"),
  mutations: mutations(
    "010202020101780201790102010200020102031528020506747265653a310142440103746d700146480e2802040902000206747265653a37",
  ),
  fetch: fetch("02010206747265653a310442c3a472"),
  subscribe: subscribe(
    "030108020901096e616d657370616365116368617409010571756572790901056c6576656c090104246774654a",
  ),
  fetched: fetched("030903077265717565737442037365719401076d697373696e6708011142c3a472"),
  goodbye: goodbye(
    "040902056572726f72090304636f646518756e617661696c61626c65076d657373616765166261636b20736f6f6e0c726574727941667465724d73a808097265636f6e6e65637403",
  ),
  values: values(
    "0201010101001b013001310132013301340135013601370138013902313002313102313202313302313402313502313602313702313802313902323002323102323202323302323402323502323601000102034042417e8001fe7f818001be80808004bd8080800406808080800207ffffffffffffff0f050000003f049a9999999999b93f0d0fc3a93f61616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161610c336161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161610a90100a410a0680d095ffbc310b0201ff0802420801030902000108746f537472696e6711f09f9880",
  ),
} as const satisfies Readonly<Record<string, GoldenFrame>>;
