import { createRequire } from "node:module";
import { Writable } from "node:stream";
import { setImmediate as nextTurn } from "node:timers/promises";
import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { takeMessages } from "../../../server/web-socket-intake.ts";

/** ws's own Receiver is the oracle: whatever comes, in whatever pieces, it must be the same for both. */

interface Receiver extends NodeJS.EventEmitter {
  write(chunk: Buffer): boolean;
  readonly _state: number;
  readonly _bufferedBytes: number;
}

// The one that engine.io has.
const requireOfEngine = createRequire(
  createRequire(createRequire(import.meta.url).resolve("socket.io")).resolve("engine.io"),
);
const { Receiver } = requireOfEngine("ws") as { Receiver: new (options: object) => Receiver };

const MAX_PAYLOAD = 300;

interface Frame {
  readonly first: number;
  readonly isMasked: boolean;
  readonly mask: readonly number[];
  readonly payload: Uint8Array;
  /** How many bytes say how long it is; too few are made as many as it takes. */
  readonly lengthBytes: 0 | 2 | 8;
  /** What they say instead. */
  readonly lie: bigint | undefined;
}

function bytesOf({ first, isMasked, mask, payload, lengthBytes, lie }: Frame): Buffer {
  const least = payload.length < 126 ? 0 : 2;
  const bytes = Math.max(least, lengthBytes);
  const said = lie ?? BigInt(payload.length);
  const short = bytes === 0 ? Number(said & 0x7fn) : bytes === 2 ? 126 : 127;
  const long = Buffer.alloc(bytes);
  if (bytes === 2) long.writeUInt16BE(Number(said & 0xffffn));
  if (bytes === 8) long.writeBigUInt64BE(said);
  return Buffer.concat([
    Uint8Array.of(first, short | (isMasked ? 0x80 : 0)),
    long,
    Uint8Array.from(isMasked ? mask : []),
    payload.map((byte, i) => (isMasked ? byte ^ (mask[i % 4] ?? 0) : byte)),
  ]);
}

const anyPayload = fc.oneof(
  { weight: 6, arbitrary: fc.uint8Array({ maxLength: 20 }) },
  { weight: 1, arbitrary: fc.uint8Array({ minLength: 120, maxLength: 130 }) },
  { weight: 1, arbitrary: fc.uint8Array({ minLength: MAX_PAYLOAD - 1, maxLength: MAX_PAYLOAD }) },
);
const mask = fc.oneof(
  fc.constant([0, 0, 0, 0]),
  fc.array(fc.nat({ max: 255 }), { minLength: 4, maxLength: 4 }),
);
const lengthBytes = fc.constantFrom<0 | 2 | 8>(0, 0, 0, 0, 2, 8);
const proper = { isMasked: fc.constant(true), mask, lengthBytes, lie: fc.constant(undefined) };

const frame = (first: number | fc.Arbitrary<number>, payload: fc.Arbitrary<Uint8Array>) =>
  fc.record<Frame>({
    ...proper,
    first: typeof first === "number" ? fc.constant(first) : first,
    payload,
  });
const few = fc.uint8Array({ maxLength: 6 });

/** Half of it, or what comes after its length, looks like another message. */
const misleading = fc.record<Frame>({
  ...proper,
  first: fc.constant(0x82),
  mask: fc.constantFrom([0x81, 0, 0, 0], [0, 0, 0, 0]),
  payload: fc.constantFrom(Uint8Array.of(1, 2), Uint8Array.of(0x82, 0x80, 0, 0, 0, 0)),
});
const message = frame(0x82, anyPayload);
const control = frame(fc.constantFrom(0x89, 0x8a), few);
const text = frame(0x81, fc.constant(Uint8Array.of(0x68, 0x69)));
const fragmented = fc
  .tuple(frame(0x02, few), fc.array(control, { maxLength: 1 }), frame(0x00, few), frame(0x80, few))
  .map(([first, between, second, last]) => [first, ...between, second, last]);
const close = frame(
  0x88,
  fc.constantFrom(
    new Uint8Array(),
    Uint8Array.of(3, 0xe8),
    Uint8Array.of(3, 0xe8, 0x62, 0x79),
    Uint8Array.of(0, 1),
    Uint8Array.of(1),
  ),
);
const wrong = fc.oneof(
  frame(fc.constantFrom(0x00, 0x01, 0x02, 0x80), few), // where none is begun, or one that does not go on
  frame(fc.constantFrom(0xc2, 0xa2, 0x92), few), // reserved bits
  fc.record<Frame>({
    ...proper,
    isMasked: fc.constant(false),
    first: fc.constantFrom(0x82, 0xc2, 0xf0),
    payload: fc.constant(new Uint8Array()),
  }),
  frame(fc.nat({ max: 255 }), anyPayload),
  fc.record<Frame>({
    ...proper,
    isMasked: fc.constant(false),
    first: fc.constant(0x82),
    payload: anyPayload,
  }),
  fc.record<Frame>({
    ...proper,
    first: fc.constant(0x82),
    payload: anyPayload,
    lie: fc.oneof(fc.nat({ max: 400 }).map(BigInt), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })),
  }),
  frame(0x82, fc.uint8Array({ minLength: MAX_PAYLOAD + 1, maxLength: MAX_PAYLOAD + 40 })),
);
const sound = fc
  .array(
    fc.oneof(
      { weight: 12, arbitrary: message.map((one) => [one]) },
      { weight: 3, arbitrary: misleading.map((one) => [one]) },
      { weight: 2, arbitrary: fc.oneof(control, text).map((one) => [one]) },
      { weight: 1, arbitrary: fragmented },
    ),
    { maxLength: 15 },
  )
  .map((groups) => groups.flat());
/** All is well, and then perhaps not, and goes on. */
const frames = fc
  .tuple(sound, fc.array(fc.oneof(close, wrong), { maxLength: 1 }), sound)
  .map((parts) => parts.flat());
interface Cut {
  /** A piece ends with the frame so many further, or, as only TCP may do it, with the byte. */
  readonly after: "frames" | "bytes";
  readonly count: number;
  /** Whether some time passes before the next. */
  readonly isLater: boolean;
}

const cut = (after: Cut["after"], max: number) =>
  fc.record<Cut>({
    after: fc.constant(after),
    count: fc.integer({ min: 1, max }),
    isLater: fc.boolean(),
  });
const cuts = fc.array(
  fc.oneof(
    { weight: 5, arbitrary: cut("frames", 5) },
    { weight: 2, arbitrary: cut("bytes", 6) },
    { weight: 1, arbitrary: cut("bytes", 500) },
  ),
  { minLength: 1, maxLength: 30 },
);

function* pieces(
  parts: readonly Buffer[],
  cuts: readonly Cut[],
): Generator<[piece: Buffer, isLater: boolean]> {
  const bytes = Buffer.concat(parts);
  let end = 0;
  const ends = parts.map((part) => (end += part.length));
  let start = 0;
  for (let i = 0; start < bytes.length; i += 1) {
    const { after, count, isLater } = cuts[i % cuts.length] as Cut;
    const from = start;
    const to = after === "bytes" ? start + count : ends.filter((one) => one > from)[count - 1];
    start = to ?? bytes.length;
    yield [bytes.subarray(from, start), isLater];
  }
}

/** What a Receiver makes of pieces that come as from a socket. */
class Ear {
  readonly heard: string[] = [];
  taken = 0;
  readonly receiver: Receiver;
  #isOver = false;

  constructor(maxPayload: number, isTaking?: (index: number) => boolean) {
    this.receiver = new Receiver({ isServer: true, maxPayload });
    const hear = (what: string, data: Buffer): void => {
      this.heard.push(`${what} ${data.toString("hex")}`);
    };
    this.receiver.on("message", (data: Buffer, isBinary: boolean) =>
      hear(isBinary ? "binary" : "text", data),
    );
    this.receiver.on("ping", (data: Buffer) => hear("ping", data));
    this.receiver.on("pong", (data: Buffer) => hear("pong", data));
    this.receiver.on("conclude", (code: number, reason: Buffer) => {
      hear(`close ${code}`, reason);
      this.#isOver = true;
    });
    this.receiver.on("error", (error: Error & { code: string }) => {
      const codes = Object.getOwnPropertySymbols(error).map((name) =>
        String((error as unknown as Record<symbol, unknown>)[name]),
      );
      this.heard.push(`error ${error.code} ${codes.join()} ${error.message}`);
      this.#isOver = true;
    });
    if (isTaking === undefined) return;
    let index = 0;
    const undo = takeMessages({ extensions: "", _receiver: this.receiver }, (data) => {
      index += 1;
      if (!isTaking(index)) return false;
      this.taken += 1;
      hear("binary", data);
      return true;
    });
    expect(undo).toBeDefined();
  }

  /** As ws: after a close or an error nothing more is read. A piece is changed by being read. */
  write(piece: Buffer): void {
    if (!this.#isOver) this.receiver.write(Buffer.from(piece));
  }

  get end(): unknown {
    const { _state, _bufferedBytes } = this.receiver;
    return { heard: this.heard, _state, _bufferedBytes };
  }
}

test.each([MAX_PAYLOAD, 0])(
  "with whatever frames in whatever pieces, all is heard as from ws alone (at most %d bytes)",
  async (maxPayload) => {
    let taken = 0;
    await fc.assert(
      fc.asyncProperty(
        frames,
        fc.uint8Array({ maxLength: 12 }),
        cuts,
        fc.nat({ max: 3 }),
        async (some, garbage, where, refusing) => {
          const oracle = new Ear(maxPayload);
          const ear = new Ear(maxPayload, (index) => refusing === 0 || index % 4 !== refusing);
          const parts = [...some.map(bytesOf), Buffer.from(garbage)];
          for (const [piece, isLater] of pieces(parts, where)) {
            oracle.write(piece);
            ear.write(piece);
            if (isLater) await nextTurn();
          }
          await nextTurn();
          expect(ear.end).toEqual(oracle.end);
          taken += ear.taken;
        },
      ),
      { numRuns: 1_000 },
    );
    expect(taken).toBeGreaterThan(1_000);
  },
);

const FRAME = bytesOf({
  first: 0x82,
  isMasked: true,
  mask: [1, 2, 3, 4],
  payload: Uint8Array.of(5, 6, 7),
  lengthBytes: 0,
  lie: undefined,
});

test("from the moment that it is undone, all is left to ws", () => {
  const receiver = server();
  const heard: string[] = [];
  receiver.on("message", () => heard.push("ws"));
  const undo = takeMessages({ extensions: "", _receiver: receiver }, () => heard.push("taken") > 0);
  receiver.write(Buffer.from(FRAME));
  undo?.();
  receiver.write(Buffer.from(FRAME));
  expect(heard).toEqual(["taken", "ws"]);
});

test("after so much in one turn of the loop nothing more is asked for until the next one", async () => {
  const receiver = server();
  let drains = 0;
  receiver.on("drain", () => (drains += 1));
  let taken = 0;
  takeMessages({ extensions: "", _receiver: receiver }, () => (taken += 1) > 0);
  const frames = Math.ceil(16_384 / FRAME.length);
  const piece = (): Buffer => Buffer.concat(Array.from({ length: frames }, () => FRAME));
  const answers = [1, 2, 3, 4, 5].map(() => receiver.write(piece()));
  expect(answers).toEqual([true, true, true, false, false]);
  expect(taken).toBe(5 * frames);
  expect(drains).toBe(0);
  await nextTurn();
  expect(drains).toBe(1);
  expect(receiver.write(piece())).toBe(true);
  await nextTurn();
  expect(drains).toBe(1);
});

test.each<[what: string, webSocket: object]>([
  ["that is no WebSocket of ws", {}],
  ["that is not open", { extensions: "", _receiver: null }],
  ["that may be compressed", { extensions: "permessage-deflate", _receiver: server() }],
  ["of another ws, which keeps its state elsewhere", { extensions: "", _receiver: new Writable() }],
  ["of a client", { extensions: "", _receiver: new Receiver({ isServer: false }) }],
  [
    "that tells one message a turn",
    { extensions: "", _receiver: server({ allowSynchronousEvents: false }) },
  ],
])("nothing is taken from one %s", (_what, webSocket) => {
  expect(takeMessages(webSocket, () => true)).toBeUndefined();
});

function server(options: object = {}): Receiver {
  return new Receiver({ isServer: true, ...options });
}
