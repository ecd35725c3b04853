import type { NumberedOutcome, Outcome } from "../lib/outcome.ts";
import { SyncError } from "../lib/errors.ts";
import type { IdentityKey } from "./identity.ts";
import type { ObjectId } from "../lib/object.ts";

interface Decided {
  readonly outcome: Outcome;
  readonly fingerprint: number;
}

interface ClientRecord {
  /** The number of the last decided mutation. */
  last: number;
  /** Whose client this is, as far as that can be told. */
  owner: IdentityKey | undefined;
  /** Decisions that the client may not know yet. */
  readonly decided: Map<number, Decided>;
  /** How many of these have given objects other ids: nearly always none. */
  renames: number;
}

/**
 * Exactly once: what was decided on each client's mutations, so that a retry gets the recorded
 * outcome. A client says up to where it knows the outcomes; only those after that are kept.
 */
export class Ledger {
  readonly #clients = new Map<string, ClientRecord>();
  readonly #clientsMax: number;

  constructor(clientsMax: number) {
    this.#clientsMax = clientsMax;
  }

  /** The number of the client's last decided mutation; 0 if there is none. */
  lastOf(clientId: string): number {
    return this.#clients.get(clientId)?.last ?? 0;
  }

  /** Whose writes these are: nobody else may go on with them. */
  ownerOf(clientId: string): IdentityKey | undefined {
    return this.#clients.get(clientId)?.owner;
  }

  /**
   * The recorded outcome of a mutation, or "known" when the client has said that it knows it, or
   * undefined when it is the client's next one. Throws `out_of_order` when one before it is missing,
   * and `mutation_mismatch` when the number was another mutation's.
   */
  recall(clientId: string, n: number, fingerprint: number): Outcome | "known" | undefined {
    const client = this.#clients.get(clientId);
    const last = client?.last ?? 0;
    if (n === last + 1) return undefined;
    const decided = client?.decided.get(n);
    if (decided === undefined && n <= last) return "known";
    if (decided === undefined) {
      const expected = String(last + 1);
      throw new SyncError(
        "out_of_order",
        `the write ${String(n)} came where ${expected} must come`,
      );
    }
    if (isAnother(decided.fingerprint, fingerprint)) {
      throw new SyncError("mutation_mismatch", `the write ${String(n)} was another one before`);
    }
    return decided.outcome;
  }

  record(
    clientId: string,
    n: number,
    fingerprint: number,
    outcome: Outcome,
    owner?: IdentityKey,
  ): void {
    const client = this.#clients.get(clientId) ?? {
      last: 0,
      owner,
      decided: new Map<number, Decided>(),
      renames: 0,
    };
    client.owner ??= owner; // who began without a name may sign in
    // Reinserted, so that the map's order is that of the clients' last writes.
    this.#clients.delete(clientId);
    this.#clients.set(clientId, client);
    client.last = Math.max(client.last, n);
    client.renames += renamesBy(outcome) - renamesBy(client.decided.get(n)?.outcome);
    client.decided.set(n, { outcome, fingerprint });
    if (this.#clients.size > this.#clientsMax) this.#forgetOldest();
  }

  /** What the client may not know of its decided mutations, in their order. */
  outcomesOf(clientId: string): NumberedOutcome[] {
    const decided = this.#clients.get(clientId)?.decided ?? [];
    return Array.from(decided, ([n, { outcome }]) => ({ n, outcome }));
  }

  /** The client knows its outcomes up to `n`. */
  settle(clientId: string, n: number): void {
    const client = this.#clients.get(clientId);
    if (client === undefined) return;
    for (const [decided, { outcome }] of client.decided) {
      if (decided > n) break;
      client.renames -= renamesBy(outcome);
      client.decided.delete(decided);
    }
  }

  /** Whether the client may still use ids that others took the place of. */
  hasRenames(clientId: string): boolean {
    return (this.#clients.get(clientId)?.renames ?? 0) > 0;
  }

  /**
   * The id that took the place of a provisional one which the client still uses in its mutation `n`:
   * by what was decided before that one, so that a retry means the same as it did at first.
   */
  resolve(clientId: string, id: ObjectId, n: number): ObjectId {
    const client = this.#clients.get(clientId);
    if (client === undefined) return id;
    for (const [decided, { outcome }] of client.decided) {
      if (decided >= n) break;
      if (outcome.kind === "accepted" && outcome.renamed?.has(id))
        return outcome.renamed.get(id) ?? id;
    }
    return id;
  }

  #forgetOldest(): void {
    for (const clientId of this.#clients.keys()) {
      this.#clients.delete(clientId);
      return;
    }
  }
}

function renamesBy(outcome: Outcome | undefined): number {
  return outcome?.kind === "accepted" && outcome.renamed !== undefined ? 1 : 0;
}

function isAnother(a: number, b: number): boolean {
  return a !== 0 && b !== 0 && a !== b;
}
