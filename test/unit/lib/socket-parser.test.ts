import { expect, test } from "@jest/globals";
import fc from "fast-check";
import * as defaultParser from "socket.io-parser";
import { binaryParser, type Packet } from "../../../lib/socket-parser.ts";

const EVENT = defaultParser.PacketType.EVENT as number;
const ACK = defaultParser.PacketType.ACK as number;
const NAMESPACE = "/object-sync";

/** One side of a connection: its encoder, its decoder, and what it has received. */
class Side {
  readonly received: Packet[] = [];
  isBinary = false;
  readonly #encoder: defaultParser.Encoder;
  readonly #decoder: defaultParser.Decoder;

  constructor(isOurs: boolean) {
    const parser = isOurs
      ? binaryParser(
          defaultParser,
          "o",
          NAMESPACE,
          () => this.isBinary,
          () => {
            this.isBinary = true;
            return false;
          },
        )
      : defaultParser;
    this.#encoder = new parser.Encoder();
    this.#decoder = new parser.Decoder();
    this.#decoder.on("decoded", (packet) => this.received.push(packet as Packet));
  }

  /** What goes over the wire. */
  encode(packet: Packet): unknown[] {
    // An encoder may change what it is given.
    const data: unknown = Array.isArray(packet.data)
      ? [...(packet.data as unknown[])]
      : packet.data;
    return this.#encoder.encode({ ...packet, data } as never);
  }

  receive(chunks: Iterable<unknown>): this {
    for (const chunk of chunks) this.#decoder.add(chunk);
    return this;
  }

  destroy(): void {
    this.#decoder.destroy();
  }
}

function message(...bytes: number[]): Packet {
  return { type: EVENT, nsp: NAMESPACE, data: ["o", Uint8Array.from(bytes)] };
}

/** A packet without what the two formats may differ in, which nobody sees. */
function seen({ type, nsp, data, id }: Packet): object {
  return { type, nsp, data, id };
}

test("between two of our parsers a message is one binary chunk, and nothing else", () => {
  const client = new Side(true);
  const server = new Side(true);
  client.isBinary = true;
  const chunks = client.encode(message(1, 2, 3));
  expect(chunks).toEqual([Uint8Array.of(1, 2, 3)]);
  server.receive(chunks);
  expect(server.received.map(seen)).toEqual([seen(message(1, 2, 3))]);
  expect(server.isBinary).toBe(true); // from now on it may answer in the same way
  expect(server.encode(message(4))).toEqual([Uint8Array.of(4)]);
});

test("until the other side is known to read our format, a message is in socket.io's own", () => {
  const chunks = new Side(true).encode(message(1, 2));
  expect(chunks).toHaveLength(2);
  for (const isOurs of [true, false]) {
    const other = new Side(isOurs).receive(chunks);
    expect(other.received.map(seen)).toEqual([seen(message(1, 2))]);
    expect(other.isBinary).toBe(false);
  }
});

test("messages of the default parser are understood", () => {
  const server = new Side(true).receive(new Side(false).encode(message(7)));
  expect(server.received.map(seen)).toEqual([seen(message(7))]);
  expect(server.isBinary).toBe(false);
});

test("what is not a message of ours stays in socket.io's own format", () => {
  const side = new Side(true);
  side.isBinary = true;
  const bytes = Uint8Array.of(1);
  const others: Packet[] = [
    { type: EVENT, nsp: "/", data: ["o", bytes] },
    { type: EVENT, nsp: NAMESPACE, data: ["other", bytes] },
    { type: EVENT, nsp: NAMESPACE, data: ["o", bytes, "more"] },
    { type: EVENT, nsp: NAMESPACE, data: ["o", bytes], id: 3 },
    { type: EVENT, nsp: NAMESPACE, data: ["o", "text"] },
    { type: EVENT, nsp: NAMESPACE, data: ["o", null] },
    { type: ACK, nsp: NAMESPACE, data: ["o", bytes], id: 3 },
    { type: 0, nsp: NAMESPACE, data: { version: 1 } },
    { type: 1, nsp: NAMESPACE },
  ];
  for (const packet of others) {
    const chunks = side.encode(packet);
    expect(typeof chunks[0]).toBe("string");
    expect(chunks).toEqual(new Side(false).encode(packet));
    const [received] = new Side(true).receive(chunks).received;
    expect(received).toMatchObject({ type: packet.type, nsp: packet.nsp });
  }
});

const anyBytes = fc.uint8Array({ maxLength: 8 }).map((bytes) => Uint8Array.from(bytes));
const anyArgument = fc.oneof(
  anyBytes,
  fc.string({ maxLength: 4 }),
  fc.constantFrom(null, "51-", "5"),
  fc.record({ deep: fc.array(anyBytes, { maxLength: 2 }) }).map((record) => ({ ...record })),
);
const anyPacket: fc.Arbitrary<Packet> = fc.oneof(
  anyBytes.map((bytes) => message(...bytes)),
  fc
    .record({
      type: fc.constantFrom(EVENT, ACK),
      nsp: fc.constantFrom("/", NAMESPACE, "/other"),
      event: fc.constantFrom("o", "other"),
      rest: fc.array(anyArgument, { maxLength: 3 }),
      id: fc.option(fc.nat(1_000), { nil: undefined }),
    })
    .map(({ type, nsp, event, rest, id }) => {
      return { type, nsp, data: [event, ...rest], id: type === ACK ? (id ?? 0) : id };
    }),
);

test("any packets arrive in order, whichever parser either side has", () => {
  const given = fc.record({
    packets: fc.array(anyPacket, { maxLength: 12 }),
    isSenderOurs: fc.boolean(),
    isReceiverOurs: fc.boolean(),
    isReceiverKnown: fc.boolean(),
  });
  fc.assert(
    fc.property(given, ({ packets, isSenderOurs, isReceiverOurs, isReceiverKnown }) => {
      const sender = new Side(isSenderOurs);
      const receiver = new Side(isReceiverOurs);
      sender.isBinary = isReceiverKnown && isReceiverOurs;
      for (const packet of packets) receiver.receive(sender.encode(packet));
      expect(receiver.received.map(seen)).toEqual(packets.map(seen));
    }),
    { numRuns: 200 },
  );
});

test("what one text has announced is forgotten with the next", () => {
  const [announcement] = new Side(false).encode(message(1));
  const side = new Side(true).receive([announcement]);
  side.destroy();
  side.receive([...new Side(true).encode({ type: 0, nsp: NAMESPACE, data: {} }), Uint8Array.of(9)]);
  expect(side.received.map(seen)).toContainEqual(seen(message(9)));
});

test("what is no packet at all throws, as socket.io expects of a parser", () => {
  for (const chunk of ["", "9", "51", "51-", "5999999-[]", "2{}", "2[", "[".repeat(200_000)]) {
    expect(() => new Side(true).receive([chunk, "2[]"])).toThrow();
  }
});
