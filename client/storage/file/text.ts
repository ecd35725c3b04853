/** NUL, or half a surrogate pair: SQLite's texts lose what follows the one, and the other. */
const NOT_IN_TEXTS = /[\0\p{Cs}]/u;
/** Before each key, as SQLite treats bytes of which there are none like NULL in places. */
const MARK = "/";

/** Any text as bytes that are in the order of their texts, and begin as these do: UTF-16, big-endian. */
export function toKey(text: string): Uint8Array {
  return toBytes(MARK + text);
}

export function fromKey(bytes: Uint8Array): string {
  return fromBytes(bytes).slice(MARK.length);
}

/** As a text where that is exact, which takes half the room. */
export function toValue(text: string): string | Uint8Array {
  return NOT_IN_TEXTS.test(text) ? toBytes(text) : text;
}

export function fromValue(value: string | Uint8Array): string {
  return typeof value === "string" ? value : fromBytes(value);
}

function toBytes(text: string): Buffer {
  return Buffer.from(text, "utf16le").swap16();
}

function fromBytes(bytes: Uint8Array): string {
  return Buffer.from(bytes).swap16().toString("utf16le");
}
