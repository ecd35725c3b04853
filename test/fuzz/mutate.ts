import type { SeededRandom } from "../simulation/random.ts";
import { bytesOf } from "./web-socket.ts";

const INTERESTING = [0, 1, 2, 3, 4, 5, 7, 8, 9, 10, 11, 12, 13, 63, 64, 0x7f, 0x80, 0xfe, 0xff];
/** Whole numbers as they travel: 0, 127, 128, 2^32, 2^53 - 1, and more than there may be. */
const VARINTS = [
  [0],
  [0x7f],
  [0x80, 0x01],
  [0x80, 0x80, 0x80, 0x80, 0x10],
  [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f],
  [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f],
];

type Edit = (random: SeededRandom, bytes: Buffer, other: Uint8Array) => Buffer;

const EDITS: readonly Edit[] = [
  function flipBit(random, bytes) {
    const at = random.below(bytes.length);
    bytes[at] = (bytes[at] ?? 0) ^ (1 << random.below(8));
    return bytes;
  },
  function setByte(random, bytes) {
    bytes[random.below(bytes.length)] = random.pick(INTERESTING);
    return bytes;
  },
  function truncate(random, bytes) {
    return bytes.subarray(0, random.below(bytes.length + 1));
  },
  function remove(random, bytes) {
    const [from, to] = range(random, bytes.length);
    return Buffer.concat([bytes.subarray(0, from), bytes.subarray(to)]);
  },
  function double(random, bytes) {
    const [from, to] = range(random, bytes.length);
    return Buffer.concat([bytes.subarray(0, to), bytes.subarray(from)]);
  },
  function swap(random, bytes) {
    const [from, to] = range(random, bytes.length);
    return Buffer.concat([bytes.subarray(from, to), bytes.subarray(0, from), bytes.subarray(to)]);
  },
  function splice(random, bytes, other) {
    const at = random.below(bytes.length + 1);
    return Buffer.concat([bytes.subarray(0, at), other.subarray(random.below(other.length + 1))]);
  },
  function insertBytes(random, bytes) {
    return insert(bytes, random.below(bytes.length + 1), bytesOf(random, 1 + random.below(8)));
  },
  function insertNumber(random, bytes) {
    const number = Buffer.from(random.pick(VARINTS));
    return insert(bytes, random.below(bytes.length + 1), number);
  },
  function exchangeNumber(random, bytes) {
    const at = random.below(bytes.length);
    const rest = bytes.subarray(at + 1);
    return Buffer.concat([bytes.subarray(0, at), Buffer.from(random.pick(VARINTS)), rest]);
  },
];

/** A message with some of it changed, perhaps for parts of another one. */
export function mutated(random: SeededRandom, message: Uint8Array, other: Uint8Array): Buffer {
  let bytes = Buffer.from(message);
  for (let edits = 1 + random.below(4); edits > 0 && bytes.length > 0; edits--) {
    bytes = Buffer.from(random.pick(EDITS)(random, bytes, other));
  }
  return bytes;
}

/** The same for text. */
export function mutatedText(random: SeededRandom, text: string, other: string): string {
  return mutated(random, Buffer.from(text), Buffer.from(other)).toString("latin1");
}

function range(random: SeededRandom, length: number): [from: number, to: number] {
  const from = random.below(length);
  return [from, Math.min(length, from + 1 + random.below(16))];
}

function insert(bytes: Buffer, at: number, inserted: Buffer): Buffer {
  return Buffer.concat([bytes.subarray(0, at), inserted, bytes.subarray(at)]);
}
