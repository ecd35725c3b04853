import { crc32 } from "node:zlib";
import type { DecidedMutation, ObjectRecord } from "../../server/stores/store.ts";
import {
  outcomeToJson,
  ownerToJson,
  propertiesToJson,
  toDecision,
  toRecord,
  type DecisionRow,
  type ObjectRow,
} from "../../server/stores/stored-json.ts";
import type { KeptBatch } from "./kept-world.ts";

/** What a journal begins with names the epoch, and is all that there was until then. */
export type Entry = Omit<KeptBatch, "expectedSeq"> & { readonly epoch: string };

type Frame =
  | { readonly kind: "head"; readonly head: Omit<Entry, "objects" | "decided"> }
  | { readonly kind: "object"; readonly row: ObjectRow }
  | { readonly kind: "decision"; readonly row: DecisionRow }
  | { readonly kind: "end" };

/** Length and checksum, of four bytes each. */
const HEADER_BYTES = 8;
/** Not 0, for which a run of zeros would be a frame. */
export const FIRST_CHECKSUM = 0x6f626a73;

export interface Encoded {
  readonly bytes: Uint8Array;
  /** Which the next entry goes on from: no frame is taken for the next of any but the one before it. */
  readonly checksum: number;
}

/** An entry is several frames, and counts once the last of them is there. */
export function encodeEntry(entry: Entry, after: number): Encoded {
  const { objects: _, decided: __, ...head } = entry;
  const frames: Frame[] = [
    { kind: "head", head },
    ...entry.objects.map((record): Frame => ({ kind: "object", row: toObjectRow(record) })),
    ...entry.decided.map((decision): Frame => ({ kind: "decision", row: toDecisionRow(decision) })),
    { kind: "end" },
  ];
  let checksum = after;
  const parts = frames.map((frame) => {
    const payload = Buffer.from(JSON.stringify(frame));
    checksum = crc32(payload, checksum);
    const header = Buffer.alloc(HEADER_BYTES);
    header.writeUInt32LE(payload.length, 0);
    header.writeUInt32LE(checksum, 4);
    return Buffer.concat([header, payload]);
  });
  return { bytes: Buffer.concat(parts), checksum };
}

/** The entries that are there as a whole, up to the first that is not. */
export function decodeEntries(bytes: Uint8Array): Entry[] {
  const entries: Entry[] = [];
  let head: Omit<Entry, "objects" | "decided"> | undefined;
  let objects: ObjectRecord[] = [];
  let decided: DecidedMutation[] = [];
  for (const frame of framesOf(Buffer.from(bytes))) {
    if (frame.kind === "head") ({ head } = frame);
    else if (frame.kind === "object") objects.push(toRecord(frame.row));
    else if (frame.kind === "decision") decided.push(toDecision(frame.row));
    if (frame.kind !== "end" || head === undefined) continue;
    entries.push({ ...head, objects, decided });
    [objects, decided] = [[], []];
  }
  return entries;
}

function* framesOf(bytes: Buffer): Generator<Frame> {
  let checksum = FIRST_CHECKSUM;
  for (let offset = 0; offset + HEADER_BYTES <= bytes.length;) {
    const start = offset + HEADER_BYTES;
    const payload = bytes.subarray(start, start + bytes.readUInt32LE(offset));
    checksum = crc32(payload, checksum);
    if (checksum !== bytes.readUInt32LE(offset + 4)) return;
    yield JSON.parse(payload.toString()) as Frame;
    offset = start + payload.length;
  }
}

function toObjectRow(record: ObjectRecord): ObjectRow {
  const { properties, names, revisions } = record;
  return {
    ...record,
    properties: properties === null ? null : propertiesToJson(properties),
    names: JSON.stringify(names),
    revisions: JSON.stringify(revisions),
  };
}

function toDecisionRow(decision: DecidedMutation): DecisionRow {
  const { clientId, n, fingerprint, owner, outcome, seq, decidedAt } = decision;
  return {
    client_id: clientId,
    n,
    fingerprint,
    owner: ownerToJson(owner),
    outcome: outcomeToJson(outcome),
    seq,
    decided_at: decidedAt,
  };
}
