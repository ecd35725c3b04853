import assert from "node:assert/strict";
import type { ObjectId, Properties } from "../../lib/index.ts";
import type { DecidedMutation, ObjectRecord, StoreBatch, StoredWorld } from "../stores/store.ts";

const CLIENTS = 3;
const HANDLES = 12;

/** A random history of a world, the same for the same seed, and what a store must have of it. */
export class StoreModel {
  readonly #objects = new Map<number, ObjectRecord>();
  readonly #decided: DecidedMutation[][] = Array.from({ length: CLIENTS }, () => []);
  #state: number;
  #seq = 0;
  #horizon = 0;
  #ledgerHorizon = 0;
  /** Of each client, the highest number that was forgotten with it. */
  readonly #forgottenUpTo = Array.from({ length: CLIENTS }, () => 0);

  constructor(seed: number) {
    this.#state = seed;
  }

  /** The next batch, which the store is to keep. */
  next(term: number): StoreBatch {
    const expectedSeq = this.#seq;
    const objects = Array.from({ length: this.#below(5) }, () => this.#write());
    const touched = [...new Map(objects.map((record) => [record.handle, record])).values()];
    touched.sort((a, b) => a.revision - b.revision);
    if (this.#below(4) === 0) this.#horizon = Math.max(this.#horizon, this.#seq - this.#below(10));
    for (const [handle, { properties, revision }] of this.#objects) {
      if (properties === null && revision <= this.#horizon) this.#objects.delete(handle);
    }
    const all = Array.from({ length: CLIENTS }, (_, i) => i);
    const clients = all.filter(() => this.#below(2) === 0);
    const idle = all.filter((client) => !clients.includes(client));
    const forgotten = idle.filter(() => this.#below(6) === 0).map((client) => this.#forget(client));
    const settled = clients.flatMap((client) => this.#settle(client));
    const decided = clients.map((client) => this.#decide(client));
    return {
      term,
      expectedSeq,
      seq: this.#seq,
      nextHandle: HANDLES + 1,
      horizon: this.#horizon,
      objects: () => touched,
      decided,
      settled: () => settled,
      forgotten,
      ledgerHorizon: this.#ledgerHorizon,
      schemaVersion: 1,
    };
  }

  /** Throws where a store that was opened again has something else. */
  compare(world: StoredWorld): void {
    const { seq, horizon, nextHandle, ledgerHorizon } = world;
    const expected = [this.#seq, this.#horizon, HANDLES + 1, this.#ledgerHorizon];
    assert.deepEqual([seq, horizon, nextHandle, ledgerHorizon], expected);
    const objects = [...this.#objects.values()].sort((a, b) => a.revision - b.revision);
    const isDropped = ({ properties, revision }: ObjectRecord): boolean =>
      properties === null && revision <= horizon; // now, or with the next batch
    assert.deepEqual(
      [...world.objects].filter((one) => !isDropped(one)),
      objects,
    );
    const found = [...world.decided];
    for (const [client, decided] of this.#decided.entries()) {
      const isOld = ({ clientId, n }: DecidedMutation): boolean =>
        clientId === `client ${client}` && n <= (this.#forgottenUpTo[client] ?? 0);
      assert.deepEqual(found.filter(isOld), [], `client ${client} was forgotten`);
      const wanted = decided.map(({ clientId, n }) => `${clientId} ${n}`);
      const names = found.map(({ clientId, n }) => `${clientId} ${n}`);
      for (const name of wanted) assert(names.includes(name), `the decision on ${name} is gone`);
    }
  }

  #write(): ObjectRecord {
    const handle = 1 + this.#below(HANDLES);
    this.#seq += 1;
    const revision = this.#seq;
    const properties: Properties | null = this.#below(4) === 0 ? null : { x: this.#below(100) };
    const record: ObjectRecord = {
      id: `object:${handle}` as ObjectId,
      handle,
      created: this.#objects.get(handle)?.created ?? revision,
      revision,
      forgotten: 0,
      properties,
      names: ["x"],
      revisions: [revision],
    };
    this.#objects.set(handle, record);
    return record;
  }

  #settle(client: number): { clientId: string; n: number }[] {
    const decided = this.#decided[client] ?? [];
    const known = decided[this.#below(decided.length + 1) - 1]?.n;
    if (known === undefined) return [];
    this.#decided[client] = decided.filter(({ n }) => n > known);
    return [{ clientId: `client ${client}`, n: known }];
  }

  #forget(client: number): string {
    this.#forgottenUpTo[client] = this.#ticks * 100_000 + 99_999;
    this.#decided[client] = [];
    this.#ledgerHorizon = Math.max(this.#ledgerHorizon, this.#seq + 1);
    return `client ${client}`;
  }

  #decide(client: number): DecidedMutation {
    const n = this.#seq * 10 + client + 1 + this.#clock();
    const decision: DecidedMutation = {
      clientId: `client ${client}`,
      n,
      fingerprint: this.#below(1_000),
      outcome: { kind: "accepted" },
      owner: undefined,
      seq: this.#seq,
      decidedAt: this.#ticks,
    };
    this.#decided[client]?.push(decision);
    return decision;
  }

  #ticks = 0;
  /** So that no two numbers of a client are the same. */
  #clock(): number {
    this.#ticks += 1;
    return this.#ticks * 100_000;
  }

  /** Park and Miller's generator. */
  #below(end: number): number {
    this.#state = (this.#state * 48_271) % 0x7fff_ffff;
    return this.#state % end;
  }
}
