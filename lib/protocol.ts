/**
 * The definition of the wire, as data: the codec writes by it, PROTOCOL.md explains it, and a test
 * hashes it so that it cannot change unnoticed. A change here is a new version.
 */
export const PROTOCOL = {
  version: 1,
  /** The socket.io event that carries every message, as one binary argument. */
  event: "o",
  /** Where servers and clients meet unless told otherwise: never socket.io's own places. */
  defaultPath: "/object-sync",
  defaultNamespace: "/object-sync",
  /** A message's first byte. */
  fromServer: { welcome: 1, delta: 2, fetched: 3, goodbye: 4 },
  fromClient: { mutations: 1, fetch: 2, subscribe: 3 },
  /** Bits of the second byte of a delta. */
  deltaFlag: { whole: 1, outcomes: 2, definitions: 4 },
  /** Low bits of a run's code; the rest is the shape's number. */
  change: { update: 0, create: 1, destroy: 2, kindMask: 3, silent: 4, shapeUnit: 8 },
  operation: { update: 0, create: 1, destroy: 2, kindMask: 3, chosen: 4, byHandle: 4 },
  /** One message decides at most `countMax` mutations. */
  outcome: { renamed: 1, rejected: 2, countMax: 65_536 },
  /**
   * A value starts with a number: one of these; or `shortText` plus the length of a text that is
   * shorter than `shortTextMax`; or, from `integer` on, that plus the zigzag of a whole number of at
   * most `smallIntegerMax` either way, so that the two fit in 31 bits.
   */
  value: {
    absent: 0,
    null: 1,
    false: 2,
    true: 3,
    float64: 4,
    float32: 5,
    positive: 6,
    negative: 7,
    array: 8,
    object: 9,
    date: 10,
    bytes: 11,
    text: 12,
    shortText: 13,
    shortTextMax: 51,
    integer: 64,
    smallIntegerMax: 0x1fffffff,
  },
} as const;
