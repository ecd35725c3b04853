import { SyncError } from "../../lib/index.ts";
import type { DecidedMutation, Store, StoreBatch, StoredWorld } from "../stores/store.ts";
import type { StoreMedium } from "./store-contract.ts";

type StoredObject = ReturnType<StoreBatch["objects"]>[number];

interface Kept {
  epoch: string;
  term: number;
  seq: number;
  horizon: number;
  nextHandle: number;
  ledgerHorizon: number;
  schemaVersion: number;
  objects: Map<number, StoredObject>;
  decided: DecidedMutation[];
}

/** What a store can get wrong; each must be noticed by the contract's checks. */
export const storeFaults = {
  "takes whatever seq a batch follows on": "anySeq",
  "lets a server commit that was deposed": "anyTerm",
  "refuses with another error": "otherError",
  "gives every opening the same term": "sameTerm",
  "keeps half of a batch that fails": "torn",
  "keeps the objects of a batch that it refuses": "keepsRefused",
  "makes a new epoch at each opening": "newEpoch",
  "forgets tombstones at once": "noTombstones",
  "never forgets a tombstone": "allTombstones",
  "gives objects back in the order of their handles": "handleOrder",
  "drops decisions that nobody knows yet": "dropsDecisions",
  "drops the decisions of other clients as well": "dropsOthers",
  "forgets what was renamed": "noRenames",
  "forgets whose client it is": "noOwner",
  "keeps values as plain JSON": "plainJson",
  "has one world": "oneWorld",
  "does not keep nextHandle": "noHandle",
  "remembers clients that it is to forget": "remembersClients",
  "forgets more clients than it is to": "forgetsPrefixes",
  "forgets clients in all worlds at once": "forgetsEverywhere",
  "forgets clients for a batch that it refuses": "forgetsRefused",
  "does not keep the horizon of the ledger": "noLedgerHorizon",
  "does not keep the version of the schema": "noSchemaVersion",
  "forgets when a decision was made": "noTime",
  "forgets after which commit a decision was made": "noSeq",
  "is empty when it is opened again": "forgets",
} as const;

export type StoreFault = (typeof storeFaults)[keyof typeof storeFaults];

/**
 * A durable store as simple as can be, in a Map: an example, and with a fault the proof that the checks
 * can fail.
 */
export function mapMedium(fault?: StoreFault): StoreMedium {
  const worlds = new Map<string, Kept>();
  return {
    open: () => {
      if (fault === "forgets") worlds.clear();
      return new MapStore(worlds, fault);
    },
    remove: () => worlds.clear(),
  };
}

class MapStore implements Store {
  readonly capabilities = { durable: true };
  readonly #worlds: Map<string, Kept>;
  readonly #fault: StoreFault | undefined;

  constructor(worlds: Map<string, Kept>, fault: StoreFault | undefined) {
    this.#worlds = worlds;
    this.#fault = fault;
  }

  load(world: string, newEpoch: string): StoredWorld {
    const key = this.#key(world);
    const position = { seq: 0, horizon: 0, nextHandle: 1, ledgerHorizon: 0, schemaVersion: 1 };
    const kept = this.#worlds.get(key) ?? {
      epoch: newEpoch,
      term: 0,
      ...position,
      objects: new Map<number, StoredObject>(),
      decided: [],
    };
    this.#worlds.set(key, kept);
    if (this.#fault !== "sameTerm" || kept.term === 0) kept.term += 1;
    if (this.#fault === "newEpoch") kept.epoch = newEpoch;
    const order = this.#fault === "handleOrder" ? "handle" : "revision";
    const objects = [...kept.objects.values()].sort((a, b) => a[order] - b[order]);
    return { ...kept, objects, decided: [...kept.decided] };
  }

  async commit(world: string, batch: StoreBatch): Promise<void> {
    await Promise.resolve();
    const kept = this.#worlds.get(this.#key(world));
    if (kept === undefined) throw new Error("no such world");
    const isOther =
      (batch.term !== kept.term && this.#fault !== "anyTerm") ||
      (batch.expectedSeq !== kept.seq && this.#fault !== "anySeq");
    if (isOther && this.#fault === "keepsRefused") this.#putAll(kept, batch.objects());
    if (isOther && this.#fault === "forgetsRefused") this.#forget(kept, batch.forgotten);
    if (isOther) throw new SyncError(this.#fault === "otherError" ? "unavailable" : "deposed", "");
    const objects = this.#fault === "torn" ? kept.objects : new Map(kept.objects);
    this.#putAll({ objects }, batch.objects());
    this.#drop(objects, batch.horizon);
    kept.objects = objects;
    for (const one of this.#fault === "forgetsEverywhere" ? this.#worlds.values() : [kept]) {
      if (this.#fault !== "remembersClients") this.#forget(one, batch.forgotten);
    }
    kept.decided = [
      ...this.#unsettled(kept, batch),
      ...batch.decided.map((one) => this.#told(one)),
    ];
    kept.seq = batch.seq;
    kept.horizon = batch.horizon;
    if (this.#fault !== "noLedgerHorizon") kept.ledgerHorizon = batch.ledgerHorizon;
    if (this.#fault !== "noSchemaVersion") kept.schemaVersion = batch.schemaVersion;
    if (this.#fault !== "noHandle") kept.nextHandle = batch.nextHandle;
  }

  close(): void {
    // What it has belongs to the medium.
  }

  #key(world: string): string {
    return this.#fault === "oneWorld" ? "" : world;
  }

  #putAll({ objects }: Pick<Kept, "objects">, records: readonly StoredObject[]): void {
    for (const record of records) {
      const isPlain = this.#fault === "plainJson";
      const kept = isPlain ? (JSON.parse(JSON.stringify(record)) as StoredObject) : record;
      objects.set(record.handle, kept);
    }
  }

  #drop(objects: Map<number, StoredObject>, horizon: number): void {
    if (this.#fault === "allTombstones") return;
    const until = this.#fault === "noTombstones" ? Infinity : horizon;
    for (const { handle, properties, revision } of objects.values()) {
      if (properties === null && revision <= until) objects.delete(handle);
    }
  }

  #unsettled({ decided }: Kept, batch: StoreBatch): DecidedMutation[] {
    const settled = batch.settled();
    if (this.#fault === "dropsDecisions" && settled.length > 0) return [];
    return decided.filter(({ clientId, n }) => {
      return !settled.some((one) => {
        return (one.clientId === clientId || this.#fault === "dropsOthers") && n <= one.n;
      });
    });
  }

  #forget(kept: Kept, forgotten: readonly string[]): void {
    const isForgotten = (clientId: string): boolean =>
      this.#fault === "forgetsPrefixes"
        ? forgotten.some((one) => clientId.startsWith(one))
        : forgotten.includes(clientId);
    kept.decided = kept.decided.filter(({ clientId }) => !isForgotten(clientId));
  }

  #told(decision: DecidedMutation): DecidedMutation {
    const { owner, outcome, ...rest } = decision;
    const isBare = this.#fault === "noRenames" && outcome.kind === "accepted";
    const kept = isBare ? ({ kind: "accepted" } as const) : outcome;
    return {
      ...rest,
      outcome: kept,
      owner: this.#fault === "noOwner" ? undefined : owner,
      decidedAt: this.#fault === "noTime" ? 0 : rest.decidedAt,
      seq: this.#fault === "noSeq" ? 0 : rest.seq,
    };
  }
}
