import { nanoid } from "nanoid";
import { ledgerOf } from "../../lib/delta.ts";
import { SyncError } from "../../lib/errors.ts";
import type { Archive, WorldCopy } from "../stores/archive.ts";
import { fromLines, toLines } from "./world-lines.ts";

/** What became of a world. */
export interface WorldSummary {
  readonly world: string;
  readonly epoch: string;
  readonly seq: number;
  readonly objects: number;
}

export interface PutOptions {
  /** Whether what is there may be replaced; otherwise that is refused as `exists`. */
  readonly replace?: boolean;
}

/** A world as lines of JSON without their ends, the first of which is a header. Throws `not_found`. */
export async function exportWorld(from: Archive, world = "default"): Promise<Iterable<string>> {
  const [copy] = await from.copy([world]);
  if (copy === undefined) throw await noWorld(from, world);
  return toLines(copy);
}

/**
 * Makes a world of such lines: of all, or nothing is changed. It is a new world under a new ledger:
 * clients get it whole, and send what they have not heard of.
 */
export async function importWorld(
  to: Archive,
  lines: Iterable<string> | AsyncIterable<string>,
  { replace = false, world }: PutOptions & { readonly world?: string } = {},
): Promise<WorldSummary> {
  const copy = await fromLines(lines, nanoid(), world);
  await to.put([copy], replace);
  return summary(copy);
}

/** Copies every world, with its ledger, into an empty store. */
export async function backup(from: Archive, to: Archive): Promise<readonly WorldSummary[]> {
  const copies = await from.copy();
  await to.put(copies, false);
  return copies.map(summary);
}

/**
 * Puts the worlds of a backup into a store, each under a new epoch of its ledger: so clients know
 * that they are ahead of it, and send what it lacks. Worlds that the backup lacks begin anew.
 */
export async function restore(
  from: Archive,
  to: Archive,
  { replace = false }: PutOptions = {},
): Promise<readonly WorldSummary[]> {
  const copies = (await from.copy()).map((copy) => ({ ...copy, epoch: nextEpoch(copy) }));
  const names = new Set(copies.map(({ name }) => name));
  const others = (await to.copy()).filter(({ name }) => !names.has(name));
  await to.put([...copies, ...others.map(({ name }) => emptyWorld(name))], replace);
  return copies.map(summary);
}

/** For who has put a database back with its own tools: what `restore` would have done. */
export async function newEpoch(
  archive: Archive,
  worlds?: readonly string[],
): Promise<readonly WorldSummary[]> {
  const copies = await archive.copy(worlds);
  const missing = worlds?.find((world) => !copies.some(({ name }) => name === world));
  if (missing !== undefined) throw await noWorld(archive, missing);
  const renewed = copies.map((copy) => ({ ...copy, epoch: nextEpoch(copy) }));
  await archive.setEpochs(new Map(renewed.map(({ name, epoch }) => [name, epoch])));
  return renewed.map(summary);
}

function nextEpoch({ epoch }: WorldCopy): string {
  return `${ledgerOf(epoch)}.${nanoid()}`;
}

function emptyWorld(name: string): WorldCopy {
  const nothing = { seq: 0, horizon: 0, nextHandle: 1, ledgerHorizon: 0, schemaVersion: 1 };
  return { name, epoch: nanoid(), ...nothing, objects: [], decided: [] };
}

function summary({ name, epoch, seq, objects }: WorldCopy): WorldSummary {
  let count = 0;
  for (const { properties } of objects) if (properties !== null) count += 1;
  return { world: name, epoch, seq, objects: count };
}

async function noWorld(archive: Archive, world: string): Promise<SyncError> {
  const names = (await archive.copy()).map(({ name }) => JSON.stringify(name));
  const there = names.length === 0 ? "it has none" : `it has ${names.join(", ")}`;
  return new SyncError("not_found", `the store has no world ${JSON.stringify(world)}: ${there}`);
}
