import fc from "fast-check";
import { SyncError } from "../../lib/errors.ts";
import { PROTOCOL } from "../../lib/protocol.ts";

/** What `read` throws, as the code of the SyncError; `undefined` when it does not throw. */
export function codeOf(read: () => unknown): string | undefined {
  try {
    read();
    return undefined;
  } catch (error) {
    if (error instanceof SyncError) return error.code;
    throw error;
  }
}

/** Every way to cut a message short. */
export function* truncations(bytes: Uint8Array): Iterable<Uint8Array> {
  for (let length = 0; length < bytes.length; length++) yield bytes.slice(0, length);
}

/** A frame with some of its bytes exchanged, doubled or left out. */
export function damaged(frame: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Uint8Array> {
  const byte = fc.oneof(fc.nat(255), fc.constantFrom(0, 0x7f, 0x80, 0xff));
  const edit = fc.record({ at: fc.nat(), byte, kind: fc.constantFrom("set", "insert", "remove") });
  return fc.tuple(frame, fc.array(edit, { minLength: 1, maxLength: 4 })).map(([bytes, edits]) => {
    const damagedBytes = Array.from(bytes);
    for (const { at, byte: value, kind } of edits) {
      const position = at % (damagedBytes.length + 1);
      if (kind === "insert") damagedBytes.splice(position, 0, value);
      else if (kind === "remove") damagedBytes.splice(position, 1);
      else if (position < damagedBytes.length) damagedBytes[position] = value;
    }
    return Uint8Array.from(damagedBytes);
  });
}

const { array, object, date } = PROTOCOL.value;

export const garbage: fc.Arbitrary<Uint8Array> = fc
  .oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.array(fc.constantFrom(0, 1, 2, 3, 5, array, object, date, 0x7f, 0x80, 0xff), {
      maxLength: 200,
    }),
  )
  .map((bytes) => Uint8Array.from(bytes));
