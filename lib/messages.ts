import { ByteReader, ByteWriter, malformed } from "./bytes.ts";
import type { Cursor, Delta } from "./delta.ts";
import { readDelta, type EncodedDelta } from "./delta-codec.ts";
import { atMost, SyncError, type ErrorData } from "./errors.ts";
import type { CommonLimits } from "./limits.ts";
import { checkId, type ObjectId, type Value } from "./object.ts";
import {
  errorFields,
  readOutcomes,
  toErrorData,
  writeOutcomes,
  type NumberedOutcome,
} from "./outcome.ts";
import { PROTOCOL } from "./protocol.ts";
import { writeDefinitions, type ShapeDictionary } from "./shape-codec.ts";
import type { KnownShapes, PropertySet } from "./shape.ts";
import type { Topic } from "./topics.ts";
import { readValue, writeValue } from "./value-codec.ts";

/** What a client says of itself when it connects, as the `auth` of socket.io's handshake. */
export interface Hello {
  readonly version: number;
  readonly world: string;
  readonly clientId: string;
  /** Where the client's replica is; the epoch is empty when it has nothing. */
  readonly cursor: Cursor;
  /** What the client asks to be shown, as `topicsToText` makes it; everything, when absent. */
  readonly topics?: string | undefined;
  /** The version of the application's schema that the client has; the first, when absent. */
  readonly schema?: number | undefined;
  /** Whether writes are taken only while the client lacks nothing. */
  readonly isStrict?: boolean | undefined;
  /** The application's own credentials. */
  readonly auth: unknown;
}

/** The server's answer: who the client is here, and from where it will be told what changed. */
export interface Welcome {
  readonly epoch: string;
  readonly seq: number;
  /** Objects with this handle or a higher one are created after this moment. */
  readonly nextHandle: number;
  /** False says: drop what you have, a snapshot follows. */
  readonly isResumed: boolean;
  /** Whether the client is shown less than the whole world; absent when it is not. */
  readonly isPart?: boolean;
  /** The number of the client's last decided mutation. */
  readonly decided: number;
  /**
   * Whether the server has forgotten what it decided on the client's mutations, or cannot exclude it:
   * what became of those that it may have got and that are not settled, nobody knows.
   */
  readonly isForgotten: boolean;
  /** Whether a mutation that was accepted outlasts the server's process. */
  readonly isDurable: boolean;
  /** The namespaces of which nothing does all the same; absent when there are none. */
  readonly ephemeral?: readonly string[];
  /**
   * Where a write can be refused as a conflict, for the client to decide: everywhere, or in these
   * namespaces; absent when nowhere.
   */
  readonly detects?: true | readonly string[];
  /** By what this identity is told from others; absent when it cannot be told. */
  readonly user?: string;
  /** The public name of this connection. */
  readonly sessionId: string;
  readonly mutationsInFlightMax: number;
  /** What one mutation may take, and all mutations of one message. */
  readonly mutationBytesMax: number;
}

export interface DeltaMessage {
  readonly kind: "delta";
  /** With this the replica has all up to `delta.to`; before, it keeps the parts aside. */
  readonly isWhole: boolean;
  readonly outcomes: readonly NumberedOutcome[];
  readonly delta: Delta;
}

/** An answer to a fetch: at `seq` the replica holds those of the ids that are not missing. */
export interface Fetched {
  readonly request: number;
  readonly seq: number;
  readonly missing: readonly string[];
  readonly error?: ErrorData | undefined;
}

/** The server's last word on a connection. */
export interface Goodbye {
  readonly error: ErrorData;
  /** Whether the client shall come back, after `error.retryAfterMs` if given. */
  readonly reconnect: boolean;
}

export type ServerMessage =
  | ({ readonly kind: "welcome" } & Welcome)
  | DeltaMessage
  | ({ readonly kind: "fetched" } & Fetched)
  | ({ readonly kind: "goodbye" } & Goodbye);

/** A client's message with its mutations still encoded: they are decoded one by one. */
export interface MutationsMessage {
  readonly kind: "mutations";
  /** The client knows the outcomes of all its mutations up to this one. */
  readonly settled: number;
  /** The number of the first; the others follow without a gap. */
  readonly first: number;
  readonly mutations: readonly Uint8Array[];
}

export interface FetchMessage {
  readonly kind: "fetch";
  readonly request: number;
  readonly ids: readonly ObjectId[];
}

/** From now on a client asks to be shown this, and nothing else. Answered like a fetch. */
export interface SubscribeMessage {
  readonly kind: "subscribe";
  readonly request: number;
  /** As they came: a list, if anything. */
  readonly topics: unknown;
}

export type ClientMessage = MutationsMessage | FetchMessage | SubscribeMessage;

export function encodeWelcome(welcome: Welcome): Uint8Array {
  return encodeFields(PROTOCOL.fromServer.welcome, { ...welcome });
}

export function encodeGoodbye({ error, reconnect }: Goodbye): Uint8Array {
  return encodeFields(PROTOCOL.fromServer.goodbye, { error: errorFields(error), reconnect });
}

export function encodeFetched(fetched: Fetched): Uint8Array {
  const { error, ...rest } = fetched;
  const fields = error === undefined ? rest : { ...rest, error: errorFields(error) };
  return encodeFields(PROTOCOL.fromServer.fetched, fields);
}

function encodeFields(kind: number, fields: Record<string, Value>): Uint8Array {
  const writer = new ByteWriter();
  writer.byte(kind);
  writeValue(writer, fields);
  return writer.take();
}

const PLAIN_WHOLE = /* @__PURE__ */ Uint8Array.of(
  PROTOCOL.fromServer.delta,
  PROTOCOL.deltaFlag.whole,
);
const PLAIN_PART = /* @__PURE__ */ Uint8Array.of(PROTOCOL.fromServer.delta, 0);

/** The part of a delta message that is one receiver's own; the delta's bytes follow it unchanged. */
export function encodeDeltaHeader(
  isWhole: boolean,
  outcomes: readonly NumberedOutcome[],
  delta: EncodedDelta,
  known: KnownShapes,
): Uint8Array {
  const flag = PROTOCOL.deltaFlag;
  const missing = known.missing(delta.shapes);
  if (outcomes.length === 0 && missing.length === 0) return isWhole ? PLAIN_WHOLE : PLAIN_PART;
  const writer = new ByteWriter();
  writer.byte(PROTOCOL.fromServer.delta);
  writer.byte(
    (isWhole ? flag.whole : 0) |
      (outcomes.length > 0 ? flag.outcomes : 0) |
      (missing.length > 0 ? flag.definitions : 0),
  );
  if (outcomes.length > 0) writeOutcomes(writer, outcomes);
  if (missing.length > 0) writeDefinitions(writer, missing, known);
  return writer.take();
}

const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

/** Parses a message of the server. Throws `invalid_payload` or `unsupported`. */
export function decodeServerMessage(
  bytes: Uint8Array,
  dictionary: ShapeDictionary,
  limits: CommonLimits,
): ServerMessage {
  const reader = new ByteReader(bytes);
  const kind = reader.byte();
  switch (kind) {
    case PROTOCOL.fromServer.delta:
      return decodeDeltaMessage(reader, dictionary, limits);
    case PROTOCOL.fromServer.welcome:
      return { kind: "welcome", ...toWelcome(readFields(reader, limits)) };
    case PROTOCOL.fromServer.fetched:
      return { kind: "fetched", ...toFetched(readFields(reader, limits)) };
    case PROTOCOL.fromServer.goodbye: {
      const fields = readFields(reader, limits);
      const reconnect = fields["reconnect"] === true;
      return { kind: "goodbye", error: toErrorData(fields["error"]), reconnect };
    }
    default:
      throw new SyncError("unsupported", `there is no message of kind ${kind}`);
  }
}

function decodeDeltaMessage(
  reader: ByteReader,
  dictionary: ShapeDictionary,
  limits: CommonLimits,
): DeltaMessage {
  const flag = PROTOCOL.deltaFlag;
  const flags = reader.byte();
  const outcomes = (flags & flag.outcomes) === 0 ? [] : readOutcomes(reader);
  if ((flags & flag.definitions) !== 0) dictionary.readDefinitions(reader);
  const isWhole = (flags & flag.whole) !== 0;
  return { kind: "delta", isWhole, outcomes, delta: readDelta(reader, dictionary, limits) };
}

function readFields(reader: ByteReader, limits: CommonLimits): Record<string, unknown> {
  const value = readValue(reader, limits);
  if (typeof value === "object" && value !== null) return value as Record<string, unknown>;
  throw malformed("a value is missing");
}

/** Of what type its fields are. */
const SOME_WELCOME: Welcome = {
  epoch: "",
  seq: 0,
  nextHandle: 0,
  isResumed: true,
  decided: 0,
  isForgotten: false,
  isDurable: true,
  sessionId: "",
  mutationsInFlightMax: 0,
  mutationBytesMax: 0,
};

/** What it is known to have, and nothing else. */
function toWelcome(fields: Record<string, unknown>): Welcome {
  const welcome: Record<string, unknown> = {};
  for (const [name, some] of Object.entries(SOME_WELCOME)) {
    welcome[name] = fieldOf(fields, name, typeof some);
  }
  const { ephemeral, isPart, detects, user } = fields;
  if (isPart === true) welcome["isPart"] = true;
  if (user !== undefined) welcome["user"] = fieldOf(fields, "user", "string");
  if (ephemeral !== undefined) welcome["ephemeral"] = textsOf("ephemeral", ephemeral);
  if (detects !== undefined)
    welcome["detects"] = detects === true ? detects : textsOf("detects", detects);
  return welcome as unknown as Welcome;
}

function textsOf(name: string, list: unknown): readonly string[] {
  const areTexts = Array.isArray(list) && list.every((one) => typeof one === "string");
  if (!areTexts) throw malformed(`the message has no ${name}`);
  return list;
}

function toFetched(fields: Record<string, unknown>): Fetched {
  const { missing, error } = fields;
  return {
    request: fieldOf(fields, "request", "number") as number,
    seq: fieldOf(fields, "seq", "number") as number,
    missing: Array.isArray(missing) ? missing.filter((id) => typeof id === "string") : [],
    ...(error !== undefined && { error: toErrorData(error) }),
  };
}

function fieldOf(fields: Record<string, unknown>, name: string, type: string): unknown {
  const value = fields[name];
  if (typeof value === type) return value;
  throw malformed(`the message has no ${name}`);
}

/** Encodes a client's mutations; `missing` are the shapes that the server was not told yet. */
export function encodeMutations(
  message: Omit<MutationsMessage, "kind">,
  missing: readonly PropertySet[],
  known: KnownShapes,
): Uint8Array {
  const writer = new ByteWriter();
  writer.byte(PROTOCOL.fromClient.mutations);
  writer.varint(message.settled);
  writeDefinitions(writer, missing, known);
  writer.varint(message.first);
  for (const mutation of message.mutations) {
    writer.varint(mutation.length);
    writer.raw(mutation);
  }
  return writer.take();
}

export function encodeFetch({ request, ids }: Omit<FetchMessage, "kind">): Uint8Array {
  const writer = new ByteWriter();
  writer.byte(PROTOCOL.fromClient.fetch);
  writer.varint(request);
  writer.varint(ids.length);
  for (const id of ids) writer.text(id);
  return writer.take();
}

/** Topics where only text can travel: their value in base64. */
export function topicsToText(topics: readonly Topic[]): string {
  const writer = new ByteWriter();
  writeValue(writer, topics as unknown as Value);
  return btoa(Array.from(writer.take(), (byte) => String.fromCharCode(byte)).join(""));
}

/** Whatever value it is. Throws `invalid_payload` and the like. */
export function topicsFromText(text: unknown, limits: CommonLimits): unknown {
  // In groups of four, or `atob` would throw an error of its own.
  const isBase64 = typeof text === "string" && text.length % 4 === 0 && BASE64.test(text);
  if (!isBase64) throw malformed("the topics are no text");
  return readValue(
    new ByteReader(Uint8Array.from(atob(text), (character) => character.charCodeAt(0))),
    limits,
  );
}

export function encodeSubscribe(request: number, topics: readonly Topic[]): Uint8Array {
  const writer = new ByteWriter();
  writer.byte(PROTOCOL.fromClient.subscribe);
  writer.varint(request);
  writeValue(writer, topics as unknown as Value);
  return writer.take();
}

/** Parses a message of a client. Throws `invalid_payload`, `unsupported`, or what its content breaks. */
export function decodeClientMessage(
  bytes: Uint8Array,
  dictionary: ShapeDictionary,
  limits: CommonLimits,
): ClientMessage {
  const reader = new ByteReader(bytes);
  const kind = reader.byte();
  switch (kind) {
    case PROTOCOL.fromClient.mutations:
      return decodeMutationsMessage(reader, dictionary, limits);
    case PROTOCOL.fromClient.fetch:
      return decodeFetch(reader, limits);
    case PROTOCOL.fromClient.subscribe:
      return decodeSubscribe(reader, limits);
    default:
      throw new SyncError("unsupported", `there is no message of kind ${kind}`);
  }
}

function decodeMutationsMessage(
  reader: ByteReader,
  dictionary: ShapeDictionary,
  limits: CommonLimits,
): MutationsMessage {
  const settled = reader.varint();
  dictionary.readDefinitions(reader);
  const first = reader.varint();
  if (first === 0) throw malformed("mutations are numbered from 1");
  const mutations: Uint8Array[] = [];
  while (reader.left > 0) {
    if (mutations.length >= limits.mutationsInFlightMax) {
      throw atMost("a message", limits.mutationsInFlightMax, "writes");
    }
    mutations.push(reader.raw(reader.count()));
  }
  return { kind: "mutations", settled, first, mutations };
}

function decodeFetch(reader: ByteReader, limits: CommonLimits): FetchMessage {
  const request = reader.varint();
  const count = reader.count();
  if (count > limits.fetchIdsMax) {
    throw atMost("a fetch", limits.fetchIdsMax, "ids");
  }
  const ids = Array.from({ length: count }, () => checkId(reader.text(), limits));
  if (reader.left > 0) throw malformed("a fetch has bytes left over");
  return { kind: "fetch", request, ids };
}

function decodeSubscribe(reader: ByteReader, limits: CommonLimits): SubscribeMessage {
  const request = reader.varint();
  const topics = readValue(reader, limits);
  if (reader.left > 0) throw malformed("a subscription has bytes left over");
  return { kind: "subscribe", request, topics };
}
