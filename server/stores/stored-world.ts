import { SyncError } from "../../lib/index.ts";
import { toDecision, toRecord, type DecisionRow, type ObjectRow } from "./stored-json.ts";
import type { WorldCopy } from "./archive.ts";
import type { DecidedMutation, ObjectRecord, StoredWorld } from "./store.ts";

/** What a database gives of a world: some give whole numbers as text. */
export interface WorldRow {
  readonly epoch: string;
  readonly term: number | string;
  readonly seq: number | string;
  readonly horizon: number | string;
  readonly next_handle: number | string;
  readonly ledger_horizon: number | string;
  readonly schema_version: number | string;
}

export type NamedWorldRow = WorldRow & { readonly name: string };

/** Throws `exists` when there is a world of this name that has had a commit. */
export function checkEmpty(name: string, rows: readonly NamedWorldRow[]): void {
  const there = rows.find((row) => row.name === name);
  if (there === undefined || Number(there.seq) === 0) return;
  throw new SyncError("exists", `there is something in the world ${JSON.stringify(name)} already`);
}

/**
 * A world out of a database's rows, objects in the order of revision and handle. Throws
 * `store_corrupt` where they are what no server has written, naming the world and the object: what
 * is built on such rows would be sent to every client, and be written back.
 */
export function toWorld(
  name: string,
  row: WorldRow,
  objects: readonly ObjectRow[],
  decisions: readonly DecisionRow[],
): StoredWorld {
  const world = {
    epoch: row.epoch,
    term: Number(row.term),
    seq: Number(row.seq),
    horizon: Number(row.horizon),
    nextHandle: Number(row.next_handle),
    ledgerHorizon: Number(row.ledger_horizon),
    schemaVersion: Number(row.schema_version),
  };
  refuseIf(problemOfWorld(world), name, "its own row");
  return {
    ...world,
    objects: readObjects(name, world, objects),
    decided: decisions.map((one) => readDecision(name, world, one)),
  };
}

/** The same of a world that nobody opens. */
export function toCopy(
  row: NamedWorldRow,
  objects: readonly ObjectRow[],
  decisions: readonly DecisionRow[],
): WorldCopy {
  const { term: _term, ...world } = toWorld(row.name, row, objects, decisions);
  return { name: row.name, ...world };
}

type Position = Omit<StoredWorld, "objects" | "decided">;

function readObjects(
  name: string,
  world: Position,
  rows: readonly ObjectRow[],
): readonly ObjectRecord[] {
  const living = new Set<string>();
  return rows.map((row) => {
    const what = `the object ${row.id} (handle ${row.handle})`;
    const record = attempt(() => toRecord(row), name, what, row.id);
    refuseIf(problemOfObject(record, world), name, what, row.id);
    if (record.properties === null) return record;
    refuseIf(living.has(row.id) && "there are two of this id", name, what, row.id);
    living.add(row.id);
    return record;
  });
}

function readDecision(name: string, world: Position, row: DecisionRow): DecidedMutation {
  const what = `the decision on ${row.client_id}'s write ${row.n}`;
  const decision = attempt(() => toDecision(row), name, what);
  refuseIf(problemOfDecision(decision, world), name, what);
  return decision;
}

type Problem = string | false;

function problemOfWorld({ epoch, ...counts }: Position): Problem {
  const { term, seq, horizon, nextHandle, ledgerHorizon, schemaVersion } = counts;
  if (epoch === "") return "there is no epoch";
  const odd = Object.entries(counts).find(([, count]) => !isCount(count));
  if (odd !== undefined) return `${odd[0]} is ${odd[1]}`;
  if (term === 0 || nextHandle === 0 || schemaVersion === 0) {
    return "term, next handle and schema version begin at 1";
  }
  if (horizon > seq) return `the horizon, ${horizon}, is beyond the seq, ${seq}`;
  if (ledgerHorizon > seq + 1)
    return `the ledger's horizon, ${ledgerHorizon}, is beyond the seq, ${seq}`;
  return false;
}

function problemOfObject(record: ObjectRecord, { seq, nextHandle }: Position): Problem {
  const { id, handle, created, revision, forgotten, properties, names, revisions } = record;
  if (id === "") return "it has no id";
  if (![handle, created, revision, forgotten].every(isCount)) return "its numbers are none";
  if (handle === 0 || handle >= nextHandle)
    return `its handle was never given: ${nextHandle} is next`;
  if (revision > seq) return `its revision, ${revision}, is beyond the world's seq, ${seq}`;
  if (created > revision) return `it was created at ${created}, after its revision, ${revision}`;
  if (forgotten > revision)
    return `it has forgotten ${forgotten}, beyond its revision, ${revision}`;
  if (!areTexts(names) || new Set(names).size !== names.length) return "its names are no names";
  if (!areCounts(revisions) || names.length !== revisions.length) {
    return "its properties and their revisions do not match";
  }
  const late = names.find((_, i) => (revisions[i] ?? 0) > revision);
  if (late !== undefined) return `its property ${late} is newer than itself`;
  const known = new Set(names);
  const unknown = Object.keys(properties ?? {}).find((one) => !known.has(one) || one === "id");
  return unknown !== undefined && `its property ${unknown} has no revision`;
}

function problemOfDecision({ n, seq, decidedAt }: DecidedMutation, world: Position): Problem {
  if (!isCount(n) || n === 0) return "that is no number of a write";
  if (!isCount(seq) || !isCount(decidedAt)) return "its time is none";
  return seq > world.seq && `it was made at ${seq}, beyond the world's seq, ${world.seq}`;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

function areCounts(values: unknown): boolean {
  return Array.isArray(values) && values.every(isCount);
}

function areTexts(values: unknown): boolean {
  return Array.isArray(values) && values.every((value) => typeof value === "string");
}

function attempt<Read>(read: () => Read, world: string, what: string, id?: string): Read {
  try {
    return read();
  } catch (cause) {
    throw corrupt(`it cannot be read: ${String(cause)}`, world, what, id, cause);
  }
}

function refuseIf(problem: Problem, world: string, what: string, id?: string): void {
  if (problem !== false) throw corrupt(problem, world, what, id);
}

function corrupt(
  problem: string,
  world: string,
  what: string,
  id: string | undefined,
  cause?: unknown,
): SyncError {
  const where = `the world ${JSON.stringify(world)} is damaged in the store: ${what}`;
  const message = `${where}: ${problem}; restore a backup`;
  return new SyncError("store_corrupt", message, { id, cause });
}
