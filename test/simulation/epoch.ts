import type {
  DecidedMutation,
  ObjectRecord,
  StoreBatch,
  StoredWorld,
} from "../../server/stores/store.ts";
import { canonical } from "../support/canonical.ts";
import type { Checks } from "./checks.ts";
import { StateHash } from "./state-hash.ts";
import { TOKEN_PROPERTIES } from "./token.ts";

/**
 * What a store has kept of one epoch: the truth by which servers and clients are judged. It is built
 * from the batches alone; of ephemeral objects, which are in none, it has what was noted of them.
 */
export class Epoch {
  readonly name: string;
  readonly #checks: Checks;
  readonly #isEphemeral: (id: string) => boolean;
  readonly #hash = new StateHash();
  readonly #texts = new Map<number, string>();
  readonly #objects = new Map<number, object>();
  /** In ascending order: from each `seq` on, the state is another one. */
  readonly #states: { readonly from: number; readonly state: string }[] = [];
  readonly #ephemeralAt = new Map<number, string>();
  readonly #decided = new Map<string, Map<number, DecidedMutation>>();
  /** Clients that have had nothing decided since they were forgotten: what was is still told. */
  readonly #forgotten = new Set<string>();
  readonly #batchOfToken = new Map<string, number>();
  #seq = 0;
  #ledgerHorizon = 0;
  #batch = 0;
  #term = 0;
  /** Whether a batch was kept whose server ended before it heard of it. */
  hasDoubt = false;

  constructor(name: string, checks: Checks, isEphemeral: (id: string) => boolean) {
    this.name = name;
    this.#checks = checks;
    this.#isEphemeral = isEphemeral;
    this.#states.push({ from: 0, state: this.#hash.value });
  }

  /** Where objects are ephemeral, up to which the world may be. */
  get seq(): number {
    return this.#seq;
  }

  get batch(): number {
    return this.#batch;
  }

  /** A hash of all kept objects as they were at this `seq`; undefined when it is not kept. */
  stateAt(seq: number): string | undefined {
    if (seq > this.#seq + 1) return undefined; // one more: the end of what was ephemeral
    for (let i = this.#states.length - 1; i >= 0; i--) {
      const known = this.#states[i];
      if (known !== undefined && known.from <= seq) return known.state;
    }
    return undefined;
  }

  /** Notes what a server holds of ephemeral objects when it tells somebody of this `seq`. */
  noteEphemeral(seq: number, objects: Iterable<{ readonly id: string }>): void {
    const hash = new StateHash();
    for (const object of objects) if (this.#isEphemeral(object.id)) hash.add(canonical(object));
    const known = this.#ephemeralAt.get(seq) ?? hash.value;
    this.#checks.check(known === hash.value, "ephemeral", () => {
      return `${seq} stands for two states of ephemeral objects`;
    });
    this.#ephemeralAt.set(seq, hash.value);
  }

  ephemeralAt(seq: number): string | undefined {
    return this.#ephemeralAt.get(seq);
  }

  /** All objects as they are now. */
  objects(): Iterable<object> {
    return this.#objects.values();
  }

  /** Whether another decision may have this client's next numbers. */
  isForgotten(clientId: string): boolean {
    return this.#forgotten.has(clientId);
  }

  decisionOf(clientId: string, n: number): DecidedMutation | undefined {
    return this.#decided.get(clientId)?.get(n);
  }

  /** The batch in which the token was first seen, if it was. */
  batchOfToken(token: string): number | undefined {
    return this.#batchOfToken.get(token);
  }

  /** Another epoch that goes on from here. */
  fork(name: string): Epoch {
    const fork = new Epoch(name, this.#checks, this.#isEphemeral);
    for (const [handle, text] of this.#texts) fork.#texts.set(handle, text);
    for (const text of this.#texts.values()) fork.#hash.add(text);
    for (const [handle, object] of this.#objects) fork.#objects.set(handle, object);
    fork.#states.splice(0, Infinity, ...this.#states);
    for (const [seq, state] of this.#ephemeralAt) fork.#ephemeralAt.set(seq, state);
    for (const [clientId, decided] of this.#decided) fork.#decided.set(clientId, new Map(decided));
    for (const clientId of this.#forgotten) fork.#forgotten.add(clientId);
    for (const [token, batch] of this.#batchOfToken) fork.#batchOfToken.set(token, batch);
    fork.#seq = this.#seq;
    fork.#ledgerHorizon = this.#ledgerHorizon;
    fork.#batch = this.#batch;
    fork.hasDoubt = this.hasDoubt;
    return fork;
  }

  /** A server has loaded this: it must be all that was kept. */
  open({ term, seq, decided }: StoredWorld): void {
    this.#term = term;
    this.#checks.check(seq === this.#seq, "G5", () => {
      return `${this.name} is loaded at ${seq}, and was kept up to ${this.#seq}`;
    });
    const last = new Map<string, number>();
    for (const { clientId, n, outcome } of decided) {
      last.set(clientId, Math.max(n, last.get(clientId) ?? 0));
      const known = this.decisionOf(clientId, n)?.outcome.kind;
      this.#checks.check(known === outcome.kind, "G3", () => {
        return `${n} of ${clientId} is loaded as ${outcome.kind}, and was ${String(known)}`;
      });
    }
    for (const [clientId, known] of this.#decided) {
      if (this.#forgotten.has(clientId)) continue;
      const expected = Math.max(...known.keys());
      this.#checks.check(last.get(clientId) === expected, "G3", () => {
        return `${clientId} is loaded at ${String(last.get(clientId))}, and was at ${expected}`;
      });
    }
  }

  keep(batch: StoreBatch, objects: readonly ObjectRecord[]): void {
    const { term, expectedSeq, seq, decided } = batch;
    const checks = this.#checks;
    checks.check(term >= this.#term, "G19", () => {
      return `a batch of the opening ${term} is kept after the opening ${this.#term}`;
    });
    checks.check(expectedSeq === this.#seq && seq >= expectedSeq, "G2", () => {
      return `a batch goes from ${expectedSeq} to ${seq}, where the store is at ${this.#seq}`;
    });
    const revisions = objects.map(({ revision }) => revision);
    const last = this.#states.at(-1)?.from ?? 0;
    checks.check(Math.min(seq, ...revisions) >= last, "G2", () => {
      return `a batch has objects of ${revisions.join()}, the one before had them up to ${last}`;
    });
    const newest = Math.max(last, ...revisions);
    checks.check(newest <= seq, "G2", () => `a batch to ${seq} has objects of ${newest}`);
    this.#seq = seq;
    this.#batch += 1;
    for (const record of objects) this.#keepObject(record);
    this.#forget(batch);
    for (const mutation of decided) this.#keepDecision(mutation);
    this.#states.push({ from: newest, state: this.#hash.value });
  }

  #keepObject({ handle, id, properties }: ObjectRecord): void {
    const known = this.#texts.get(handle);
    if (known !== undefined) this.#hash.remove(known);
    this.#texts.delete(handle);
    this.#objects.delete(handle);
    this.#checks.check(!this.#isEphemeral(id), "ephemeral", () => `${id} has reached the store`);
    if (properties === null) return;
    const object = { id, ...properties };
    const text = canonical(object);
    this.#hash.add(text);
    this.#texts.set(handle, text);
    this.#objects.set(handle, object);
    for (const property of TOKEN_PROPERTIES) {
      const token = properties[property];
      if (typeof token !== "string") continue;
      if (!this.#batchOfToken.has(token)) this.#batchOfToken.set(token, this.#batch);
    }
  }

  #forget({ forgotten, ledgerHorizon }: StoreBatch): void {
    const checks = this.#checks;
    checks.check(ledgerHorizon >= this.#ledgerHorizon, "G3", () => {
      return `the horizon of the ledger falls from ${this.#ledgerHorizon} to ${ledgerHorizon}`;
    });
    this.#ledgerHorizon = ledgerHorizon;
    for (const clientId of forgotten) {
      checks.saw("client forgotten");
      this.#forgotten.add(clientId);
      for (const { n, seq } of this.#decided.get(clientId)?.values() ?? []) {
        checks.check(seq < ledgerHorizon, "G3", () => {
          return `${clientId} is forgotten up to ${ledgerHorizon}, its ${n} was decided at ${seq}`;
        });
      }
    }
  }

  #keepDecision(mutation: DecidedMutation): void {
    const { clientId, n } = mutation;
    if (this.#forgotten.delete(clientId)) this.#decided.delete(clientId);
    const decided = this.#decided.get(clientId) ?? new Map<number, DecidedMutation>();
    this.#decided.set(clientId, decided);
    this.#checks.check(!decided.has(n), "G3", () => `${clientId} had ${n} decided twice`);
    decided.set(n, mutation);
  }
}
