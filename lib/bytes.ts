import { SyncError } from "./errors.ts";

const INITIAL_BYTES = 256;
/** A buffer up to this size is used again by the next writer. */
const SPARE_BYTES_MAX = 65_536;
const ASCII_END = 0x80;
const TEXT_CHUNK_UNITS = 1_024;
const SHORT_TEXT_UNITS_MAX = 64;

/** By their length: what the units of a short text are put into. */
const SHORT_TEXTS: number[][] = [];

const FLOAT = new DataView(new ArrayBuffer(8));
const FLOAT_BYTES = new Uint8Array(FLOAT.buffer);
const NOTHING = new Uint8Array();

/** Appends numbers and text to a buffer that grows. Formats: see PROTOCOL.md, "Primitives". */
export class ByteWriter {
  /** Of a writer that is through: a new buffer for each message costs more than the message. */
  static #spare: Uint8Array<ArrayBuffer> | undefined;
  #bytes = ByteWriter.#spare ?? new Uint8Array(INITIAL_BYTES);
  #length = 0;

  constructor() {
    ByteWriter.#spare = undefined;
  }

  get length(): number {
    return this.#length;
  }

  byte(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = value;
  }

  /** A whole number from 0 to 2^53 - 1, seven bits a byte, lowest first. */
  varint(value: number): void {
    this.#reserve(8);
    let rest = value;
    while (rest > 0x7fffffff) {
      this.#bytes[this.#length++] = (rest % ASCII_END) | ASCII_END;
      rest = Math.floor(rest / ASCII_END);
    }
    while (rest > 0x7f) {
      this.#bytes[this.#length++] = (rest & 0x7f) | ASCII_END;
      rest >>>= 7;
    }
    this.#bytes[this.#length++] = rest;
  }

  float32(value: number): void {
    FLOAT.setFloat32(0, value, true);
    this.#copyScratch(4);
  }

  float64(value: number): void {
    FLOAT.setFloat64(0, value, true);
    this.#copyScratch(8);
  }

  #copyScratch(count: number): void {
    this.#reserve(count);
    for (let i = 0; i < count; i++) this.#bytes[this.#length++] = FLOAT_BYTES[i] as number;
  }

  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** UTF-8 after its length. Half a surrogate pair is kept as three bytes. */
  text(value: string): void {
    const start = this.#length;
    this.varint(value.length); // right when the text is ASCII, as ids and names nearly always are
    const textStart = this.#length;
    this.textWithoutLength(value);
    const bytes = this.#length - textStart;
    if (bytes !== value.length) {
      this.#length = start;
      this.varint(bytes);
      // The text is written again rather than moved: its length may take one more byte.
      this.textWithoutLength(value);
    }
  }

  textWithoutLength(value: string): void {
    this.#reserve(value.length * 3);
    this.#utf8(value);
  }

  #utf8(value: string): void {
    const bytes = this.#bytes;
    let at = this.#length;
    for (let i = 0; i < value.length; i++) {
      let code = value.charCodeAt(i);
      if (code < ASCII_END) {
        bytes[at++] = code;
      } else if (code < 0x800) {
        bytes[at++] = 0xc0 | (code >> 6);
        bytes[at++] = 0x80 | (code & 0x3f);
      } else {
        if (code >= 0xd800 && code < 0xdc00) {
          const low = value.charCodeAt(i + 1); // NaN at the end
          if (low >= 0xdc00 && low < 0xe000) {
            code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
            i += 1;
          }
        }
        if (code < 0x10000) {
          bytes[at++] = 0xe0 | (code >> 12);
        } else {
          bytes[at++] = 0xf0 | (code >> 18);
          bytes[at++] = 0x80 | ((code >> 12) & 0x3f);
        }
        bytes[at++] = 0x80 | ((code >> 6) & 0x3f);
        bytes[at++] = 0x80 | (code & 0x3f);
      }
    }
    this.#length = at;
  }

  /** What was written from there on, as a copy. */
  copy(start: number): Uint8Array {
    return this.#bytes.slice(start, this.#length);
  }

  /** What was written, as a copy of its own. This ends the writer. */
  take(): Uint8Array {
    const taken = this.#bytes.slice(0, this.#length);
    if (this.#bytes.length <= SPARE_BYTES_MAX) ByteWriter.#spare = this.#bytes;
    this.#bytes = NOTHING;
    this.#length = 0;
    return taken;
  }

  #reserve(count: number): void {
    const needed = this.#length + count;
    if (needed <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
  }
}

/** Reads what a ByteWriter wrote. Throws `invalid_payload` on anything else; never reads past the end. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Bytes that are left. */
  get left(): number {
    return this.#bytes.length - this.#at;
  }

  /** Bytes that were read. */
  get position(): number {
    return this.#at;
  }

  byte(): number {
    const value = this.#bytes[this.#at];
    if (value === undefined) throw truncated();
    this.#at += 1;
    return value;
  }

  varint(): number {
    const first = this.byte();
    if (first < ASCII_END) return first;
    let value = first & 0x7f;
    let unit = ASCII_END;
    for (;;) {
      const next = this.byte();
      value += (next & 0x7f) * unit;
      if (next < ASCII_END) break;
      unit *= ASCII_END;
      if (unit > Number.MAX_SAFE_INTEGER) break;
    }
    if (value > Number.MAX_SAFE_INTEGER || unit > Number.MAX_SAFE_INTEGER) {
      throw malformed("a number is too large");
    }
    return value;
  }

  /** A count of things that take at least one byte each: never more than there are bytes. */
  count(): number {
    const value = this.varint();
    if (value > this.left) throw truncated();
    return value;
  }

  float32(): number {
    const at = this.#advance(4);
    return this.#scratch(at, 4).getFloat32(0, true);
  }

  float64(): number {
    const at = this.#advance(8);
    return this.#scratch(at, 8).getFloat64(0, true);
  }

  /** A view of its own for each message would cost as much as to read a small one. */
  #scratch(at: number, count: number): DataView {
    for (let i = 0; i < count; i++) FLOAT_BYTES[i] = this.#bytes[at + i] as number;
    return FLOAT;
  }

  /** A copy of its own. */
  raw(count: number): Uint8Array {
    const at = this.#advance(count);
    // Not `slice`: that of Node's Buffer is a view that would keep the whole message alive.
    return new Uint8Array(this.#bytes.subarray(at, at + count));
  }

  text(): string {
    return this.textOf(this.varint());
  }

  textOf(byteCount: number): string {
    const start = this.#advance(byteCount);
    return this.#shortAscii(start, byteCount) ?? this.#utf8(start, start + byteCount);
  }

  /**
   * Nearly all texts that objects are made of. Their units go through a list that is there already: one
   * for each text would be most of what decoding leaves to the collector, and to decode a snapshot would
   * take 1.7 times as long.
   */
  #shortAscii(start: number, length: number): string | undefined {
    if (length > SHORT_TEXT_UNITS_MAX) return undefined;
    const units = (SHORT_TEXTS[length] ??= new Array<number>(length).fill(0));
    for (let i = 0; i < length; i++) {
      const unit = this.#bytes[start + i] as number;
      if (unit >= ASCII_END) return undefined;
      units[i] = unit;
    }
    return String.fromCharCode(...units);
  }

  #utf8(start: number, end: number): string {
    const bytes = this.#bytes;
    let text = "";
    // Unlike adding character to character this leaves no chain of 32 bytes for each behind.
    let units: number[] = [];
    let at = start;
    while (at < end) {
      if (units.length >= TEXT_CHUNK_UNITS) {
        text += String.fromCharCode(...units);
        units = [];
      }
      const first = bytes[at] ?? 0;
      if (first < ASCII_END) {
        units.push(first);
        at += 1;
        continue;
      }
      const size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
      if (first < 0xc0 || first > 0xf7 || at + size > end) throw malformed("a text is not UTF-8");
      let code = first & (0xff >> (size + 1));
      for (let i = 1; i < size; i++) {
        const next = bytes[at + i] ?? 0;
        if ((next & 0xc0) !== 0x80) throw malformed("a text is not UTF-8");
        code = (code << 6) | (next & 0x3f);
      }
      if (code > 0x10ffff) throw malformed("a text is not UTF-8");
      if (code < 0x10000) units.push(code);
      else units.push(0xd7c0 + (code >> 10), 0xdc00 + (code & 0x3ff));
      at += size;
    }
    return text + String.fromCharCode(...units);
  }

  #advance(count: number): number {
    const at = this.#at;
    if (count > this.left) throw truncated();
    this.#at = at + count;
    return at;
  }
}

function truncated(): SyncError {
  return malformed("it ends too early");
}

/** What came from the other side is not what it can have meant to send. */
export function malformed(why: string): SyncError {
  return new SyncError("invalid_payload", `the message cannot be read: ${why}`);
}
