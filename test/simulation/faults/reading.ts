import { fault, type Fault } from "./fault.ts";

/** How what is sent can fail to add up to the state. */
export const READING: readonly Fault[] = [
  fault(
    "outcomes ride on pages that are not whole",
    "server/session.ts",
    "const outcomes = isWhole ? (this.#outcomes ?? this.#recorded()) : [];",
    "const outcomes = this.#outcomes ?? this.#recorded();",
  ),
  fault(
    "who comes back is not told what was decided meanwhile",
    "server/session.ts",
    "(this.#outcomes ?? this.#recorded())",
    "(this.#outcomes ?? [])",
  ),
  fault(
    "destroyed objects are left out",
    "lib/entry.ts",
    'return this.created > seenMax ? undefined : { kind: "destroy", handle, silent };',
    "return undefined;",
  ),
  {
    ...fault(
      "a flush does not tell of objects that only some have seen",
      "server/views/whole-world.ts",
      "{ silent, seenMax: this.#world.seq }",
      "{ silent }",
    ),
    from: 144,
  },
  fault(
    "a page ends in the middle of a commit",
    "lib/world.ts",
    "if (bytes >= bytesMax && entry.revision !== to) {",
    "if (bytes >= bytesMax) {",
  ),
  fault(
    "a later page takes objects for known that changed since they were created",
    "lib/entry.ts",
    "if (this.isNewAt(base)) return",
    "if (this.created > seenMax || this.forgotten > base) return",
  ),
  {
    ...fault(
      "removed properties are forgotten without a trace",
      "lib/entry.ts",
      "return this.created > base || this.forgotten > base;",
      "return this.created > base;",
    ),
    from: 21,
  },
  fault("a client from before the horizon resumes", "lib/world.ts", "seq >= this.#horizon && ", ""),
  fault(
    "a client of another epoch resumes",
    "lib/world.ts",
    "epoch === this.epoch && ",
    "",
    "crashes",
  ),
  {
    ...fault(
      "pages go on although tombstones were forgotten since the first",
      "server/session.ts",
      'if (lack.startedAt < this.#source.horizon) return "lost";',
      "",
    ),
    from: 18,
  },
  fault(
    "a client that reads too slowly is sent everything",
    "server/session.ts",
    "if (delta === undefined || this.link.waitingBytes + delta.bytes.length > waitingBytesMax) {",
    "if (delta === undefined || waitingBytesMax < 0) {",
  ),
];
