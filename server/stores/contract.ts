import { SyncError } from "../../lib/errors.ts";
import type { DecidedMutation, ObjectRecord, Store, StoredWorld } from "./store.ts";

/*
 * What can be told at once of whether a store is one: it may be anybody's. That it does what the contract
 * says, only the checks of `object-sync/testing` show.
 */

const METHODS = ["load", "commit", "close"] as const;
const COUNTS = ["term", "seq", "horizon", "nextHandle", "ledgerHorizon", "schemaVersion"] as const;

/** Throws `store_contract`, naming the method that it lacks, or `capabilities`. */
export function checkStore(store: object): Store {
  const given = store as Partial<Store>;
  for (const name of METHODS) {
    if (typeof given[name] !== "function") throw broken(name, `a store has a function ${name}`);
  }
  if (typeof given.capabilities?.durable === "boolean") return store as Store;
  const message = "a store says in capabilities.durable whether what it keeps outlasts the process";
  throw broken("capabilities", message);
}

/**
 * A world as a store's `load` has given it. Throws `store_contract`, naming `load`, when that is none;
 * and so do its lists when they are read, where something in them is no object or decision.
 */
export function checkLoaded(world: string, loaded: unknown): StoredWorld {
  const refuse = (what: string): SyncError =>
    broken("load", `the store's load gave no world for ${JSON.stringify(world)}: ${what}`);
  if (!isObject(loaded)) throw refuse("it must be an object");
  const given = loaded as Partial<StoredWorld>;
  if (typeof given.epoch !== "string" || given.epoch === "") throw refuse("its epoch is no text");
  const odd = COUNTS.find((name) => !isCount(given[name]));
  if (odd !== undefined) throw refuse(`its ${odd} is ${String(given[odd])}`);
  const { epoch, term, seq, horizon, nextHandle, ...rest } = loaded as StoredWorld;
  const { ledgerHorizon, schemaVersion } = rest;
  return {
    ...{ epoch, term, seq, horizon, nextHandle, ledgerHorizon, schemaVersion },
    objects: each<ObjectRecord>(given.objects, isRecord, () =>
      refuse("its objects are no list of objects"),
    ),
    decided: each<DecidedMutation>(given.decided, isDecision, () =>
      refuse("its decided is no list of decisions"),
    ),
  };
}

/** The same list, whose items are looked at as they are read. */
function each<Item extends object>(
  list: unknown,
  isItem: (item: Partial<Item>) => boolean,
  refusal: () => SyncError,
): Iterable<Item> {
  if (!isObject(list) || !(Symbol.iterator in list)) throw refusal();
  const items = list as Iterable<unknown>;
  return (function* (): Iterable<Item> {
    for (const item of items) {
      if (!isObject(item) || !isItem(item)) throw refusal();
      yield item as Item;
    }
  })();
}

function isRecord(record: Partial<ObjectRecord>): boolean {
  const { id, handle, created, revision, forgotten, properties, names, revisions } = record;
  return (
    typeof id === "string" &&
    isCount(handle) &&
    isCount(created) &&
    isCount(revision) &&
    isCount(forgotten) &&
    typeof properties === "object" &&
    Array.isArray(names) &&
    Array.isArray(revisions)
  );
}

function isDecision({ clientId, n, outcome, seq, decidedAt }: Partial<DecidedMutation>): boolean {
  const isTimed = isCount(seq) && isCount(decidedAt);
  return typeof clientId === "string" && isCount(n) && isTimed && isObject(outcome);
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

function broken(property: string, message: string): SyncError {
  return new SyncError("store_contract", message, { property });
}
