import type { SeededRandom } from "../../simulation/random.ts";
import { PATIENCE_MS, type Attack } from "../attack.ts";
import { Conversation, someHello } from "../conversation.ts";
import { bytesOf, frameOf, OPCODE, Speaker, upgradeRequest, type Frame } from "../web-socket.ts";
import type { AttackKind } from "./kind.ts";

/*
 * Below engine.io: what is no WebSocket, and frames that no WebSocket sends.
 */

const INVALID_UTF8 = [
  Buffer.from([0x34, 0xff]),
  Buffer.from([0xc0, 0xaf]),
  Buffer.from([0xed, 0xa0, 0x80]),
  Buffer.from([0xf5, 0x80, 0x80, 0x80]),
  Buffer.from([0x34, 0xe2, 0x82]),
];
const LENGTHS = [0n, 1n, 125n, 126n, 65_535n, 65_536n, 1n << 20n, 1n << 31n, 1n << 53n, 1n << 63n];

async function speakerOf(attack: Attack): Promise<Speaker | undefined> {
  const { random } = attack;
  if (random.chance(0.6)) return Speaker.admitted(attack, someHello(attack));
  return random.chance(0.5) ? Speaker.greeted(attack) : Speaker.open(attack);
}

function someFrame(random: SeededRandom): Frame {
  const payload = random.chance(0.3)
    ? random.pick(INVALID_UTF8)
    : bytesOf(random, random.pick([0, 1, 2, 20, 125, 126, 400]));
  return {
    opcode: random.chance(0.7) ? random.pick(Object.values(OPCODE)) : random.below(16),
    payload,
    isFinal: random.chance(0.8),
    reserved: random.chance(0.85) ? 0 : random.below(8),
    isMasked: random.chance(0.95),
    ...(random.chance(0.1) && { length: random.pick(LENGTHS) }),
    ...(random.chance(0.1) && { lengthBits: random.pick([7, 16, 64] as const) }),
  };
}

/** Frames of all kinds, one after another, with proper messages between. */
async function anyFrames(attack: Attack): Promise<void> {
  const { random } = attack;
  const speaker = await speakerOf(attack);
  const talk = new Conversation(random, attack.user);
  for (let left = random.pick([1, 5, 40]); speaker !== undefined && left > 0; left--) {
    const frame = random.chance(0.3)
      ? frameOf(random, { opcode: OPCODE.binary, payload: talk.next() })
      : frameOf(random, someFrame(random));
    const isSent = random.chance(0.2) ? speaker.inPieces(frame) : speaker.raw(frame);
    if (!(await isSent)) return;
  }
  await speaker?.wire.isEnded(random.below(50));
}

/** A message in pieces, with control frames between them; some are never finished. */
async function fragments(attack: Attack): Promise<void> {
  const { random } = attack;
  const speaker = await speakerOf(attack);
  if (speaker === undefined) return;
  const talk = new Conversation(random, attack.user);
  const count = random.pick([2, 3, 50, 3_000]);
  const size = count > 50 ? 0 : 1 + random.below(30);
  const frames: Buffer[] = [];
  for (let i = 0; i < count; i++) {
    const payload = i === 0 ? talk.next() : bytesOf(random, size);
    const opcode = i === 0 ? random.pick([OPCODE.text, OPCODE.binary]) : OPCODE.continuation;
    const isFinal = i === count - 1 && random.chance(0.7);
    frames.push(frameOf(random, { opcode, payload, isFinal }));
    if (random.chance(0.1)) frames.push(frameOf(random, { opcode: OPCODE.ping, payload: "p" }));
  }
  await speaker.raw(Buffer.concat(frames));
  await speaker.message(talk.next());
  await attack.pause(random.below(50));
}

/** Pings, each of which ws answers; perhaps without reading any of it. */
async function pings(attack: Attack): Promise<void> {
  const { random } = attack;
  const speaker = await speakerOf(attack);
  if (speaker === undefined) return;
  if (random.chance(0.5)) speaker.wire.stopReading();
  const opcode = random.pick([OPCODE.ping, OPCODE.pong, OPCODE.close]);
  const payload = bytesOf(random, random.pick([0, 4, 125, 126]));
  const frames = Buffer.concat(
    Array.from({ length: 500 }, () => frameOf(random, { opcode, payload })),
  );
  for (let left = random.pick([1, 4, 20]); left > 0; left--) {
    if (!(await speaker.raw(frames))) return;
  }
}

/** Handshakes that are not finished, or wrong. */
async function handshakes(attack: Attack): Promise<void> {
  const { random } = attack;
  const proper = upgradeRequest(random, random.pick(["", "&sid=nobody", "&t=1"]));
  const request = random.pick([
    proper.slice(0, random.below(proper.length)),
    proper.replace("13", random.pick(["8", "0", "-1", "99999999999", ""])),
    proper.replace(/Sec-WebSocket-Key: .*\r\n/, "Sec-WebSocket-Key: x\r\n"),
    proper.replace("Upgrade: websocket", `Upgrade: ${random.pick(["h2c", "", "websocket, h2c"])}`),
    proper.replace("EIO=4", `EIO=${random.pick(["3", "5", "", "4&EIO=3", "__proto__"])}`),
    proper.replace("\r\n\r\n", "\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n"),
    proper.replace("\r\n\r\n", `\r\nSec-WebSocket-Protocol: ${"p, ".repeat(500)}p\r\n\r\n`),
    proper.replace("\r\n\r\n", `\r\nOrigin: ${random.pick(["null", "http://evil", "x"])}\r\n\r\n`),
    proper.replace("GET", random.pick(["POST", "OPTIONS", "CONNECT"])),
    proper + bytesOf(random, random.pick([1, 100, 5_000])).toString("latin1"),
    proper + proper,
  ]);
  const wire = attack.wire();
  await wire.send(Buffer.from(request, "latin1"));
  if (random.chance(0.3)) wire.end();
  await wire.isEnded(random.pick([0, 20, 100]));
}

/** After a handshake that is offered compression: frames that say they are compressed. */
async function compressed(attack: Attack): Promise<void> {
  const { random } = attack;
  const offer = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n";
  const speaker = await Speaker.open(attack, "", offer);
  if (speaker === undefined) return;
  await speaker.wire.hears(['0{"sid"'], PATIENCE_MS);
  for (let left = random.below(4); left > 0; left--) {
    const payload = bytesOf(random, random.pick([1, 50, 1_000]));
    if (!(await speaker.frame({ opcode: random.pick([1, 2]), payload, reserved: 4 }))) return;
  }
}

export const FRAME_ATTACKS: readonly AttackKind[] = [
  { name: "any frames", weight: 10, run: anyFrames },
  { name: "fragments", weight: 4, run: fragments },
  { name: "pings", weight: 3, run: pings },
  { name: "handshakes", weight: 8, run: handshakes },
  { name: "compressed", weight: 2, run: compressed },
];
