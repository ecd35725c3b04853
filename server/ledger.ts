import type { NumberedOutcome, Outcome } from "../lib/outcome.ts";
import { SyncError } from "../lib/errors.ts";
import type { IdentityKey } from "./identity.ts";
import type { ServerLimits } from "../lib/limits.ts";
import type { ObjectId } from "../lib/object.ts";
import type { MutationName } from "./job.ts";
import type { DecidedMutation, StoredWorld } from "./stores/store.ts";

/** How many clients are looked at in one turn for whether to forget them, so that it stays short. */
const LOOKS_MAX = 1_000;

interface Decided {
  readonly outcome: Outcome;
  readonly fingerprint: number;
}

/** A decision without the circumstances in which it was made. */
type Undated = Omit<DecidedMutation, "decidedAt" | "seq">;

/** Clients that are to be forgotten, and the horizon of the ledger without them. */
export interface Forgetting {
  readonly clientIds: readonly string[];
  readonly ledgerHorizon: number;
}

interface ClientRecord {
  /** The number of the last decided mutation. */
  last: number;
  /** The world's `seq` after that decision. */
  seq: number;
  /** When it was made, or the client was last found in use. */
  usedAt: number;
  /** Whose client this is, as far as that can be told. */
  owner: IdentityKey | undefined;
  /** Decisions that the client may not know yet. */
  readonly decided: Map<number, Decided>;
  /** Up to this number the client knows the outcomes. */
  settled: number;
  /** Up to this number the store has the decisions, as far as it needs them. */
  kept: number;
  /** How many of these have given objects other ids: nearly always none. */
  renames: number;
}

/**
 * Exactly once: what was decided on each client's mutations, so that a retry gets the recorded
 * outcome. A client says up to where it knows the outcomes; only those after that are kept.
 *
 * Clients are forgotten, in the order in which they last wrote, beyond a number and beyond an age.
 * The age is counted in the time for which the world was open, over all its openings, and not by any
 * calendar: setting the machine's clock changes nothing. Should the environment's clock go back all
 * the same, no time has passed; what it leaps forward counts as passed.
 */
export class Ledger {
  readonly #limits: Pick<ServerLimits, "ledgerClientsMax" | "ledgerAgeMs">;
  /** From the client that was last in use the longest ago to the one that is now. */
  readonly #clients = new Map<string, ClientRecord>();
  /** One more than the highest `seq` at which a forgotten client's last decision was made; 0: none. */
  #horizon: number;
  /** In milliseconds. */
  #openedFor = 0;
  #now: number;
  /** Clients of which the store lacks a decision that it must have. */
  readonly #unkept = new Set<string>();

  constructor(
    limits: Pick<ServerLimits, "ledgerClientsMax" | "ledgerAgeMs">,
    stored: Pick<StoredWorld, "ledgerHorizon" | "decided">,
    now: number,
  ) {
    this.#limits = limits;
    this.#horizon = stored.ledgerHorizon;
    this.#now = now;
    const clients = new Map<string, ClientRecord>();
    for (const decision of stored.decided) put(clients, decision);
    const isOlder = ([a, one]: [string, ClientRecord], [b, two]: [string, ClientRecord]): number =>
      one.usedAt - two.usedAt || (a < b ? -1 : 1);
    for (const [clientId, client] of [...clients].sort(isOlder)) {
      client.kept = client.last;
      this.#clients.set(clientId, client);
      this.#openedFor = client.usedAt;
    }
  }

  /** A turn begins; what is recorded from now on is of this moment. */
  passTime(now: number): void {
    this.#openedFor += Math.max(0, now - this.#now);
    this.#now = now;
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
   * Whether what was decided on this client's mutations may be forgotten, and the client may lack it.
   * `position` is the world's `seq` as far as it was told this client; 0 if it was told nothing.
   *
   * A client that is known here has lost nothing. Of one that is not, either nothing was ever
   * decided, or it was forgotten; these two look the same. But an outcome is told no later than the
   * first change that comes after it: a client that has got as far as the horizon, which lies beyond
   * the last decision on every forgotten client, knows all its outcomes, and what it has not heard of
   * was never decided. One that stands exactly at the `seq` of its last decision may lack it, as a
   * rejected write is decided without raising `seq`. A newcomer may be told that it was forgotten:
   * it has sent nothing of which that could matter.
   */
  hasForgotten(clientId: string, position: number): boolean {
    return position < this.#horizon && !this.#clients.has(clientId);
  }

  /**
   * The number that the client's next mutation must have: after those that are decided, and those that it
   * says are `settled`, as they are where it has been decided and forgotten, or lost with a backup's future.
   */
  nextOf({ clientId, n, settled }: MutationName): number {
    return Math.max(this.lastOf(clientId), settled < n ? settled : 0) + 1;
  }

  /**
   * The recorded outcome of a mutation, or "known" when the client has said that it knows it, or
   * undefined when it is the client's next one. Throws `out_of_order` when one before it is missing,
   * and `mutation_mismatch` when the number was another mutation's.
   */
  recall(name: MutationName, fingerprint: number): Outcome | "known" | undefined {
    const { clientId, n } = name;
    const client = this.#clients.get(clientId);
    const next = this.nextOf(name);
    if (n === next) return undefined;
    const decided = client?.decided.get(n);
    if (decided === undefined && n < next) return "known";
    if (decided === undefined) {
      throw new SyncError("out_of_order", `the write ${n} came where ${next} must come`);
    }
    if (isAnother(decided.fingerprint, fingerprint)) {
      throw new SyncError("mutation_mismatch", `the write ${String(n)} was another one before`);
    }
    return decided.outcome;
  }

  /**
   * Records a decision after which the world is at `seq`. One that is ephemeral is lost with this
   * process, and its client asks again: unless the store gets a later one of the same client, for a
   * store must not have a decision and lack the one before it.
   */
  record(undated: Undated, seq: number, isEphemeral: boolean): void {
    const { clientId, n, fingerprint, outcome } = undated;
    const owner = this.ownerOf(clientId) ?? undated.owner; // who began without a name may sign in
    this.#toNewest(clientId);
    const decidedAt = Math.round(this.#openedFor);
    // Spelt out, here and below: to spread an object and add to it is slow, and this is each write's way.
    put(this.#clients, { clientId, n, fingerprint, outcome, owner, seq, decidedAt });
    if (!isEphemeral) this.#unkept.add(clientId);
  }

  /** All decisions that the store must get. */
  unkept(): DecidedMutation[] {
    const unkept: DecidedMutation[] = [];
    for (const clientId of this.#unkept) {
      const client = this.#clients.get(clientId);
      if (client !== undefined) addUnkept(unkept, clientId, client);
    }
    return unkept;
  }

  /** The store has got them. */
  noteKept(): void {
    for (const clientId of this.#unkept) {
      const client = this.#clients.get(clientId);
      if (client !== undefined) client.kept = client.last;
    }
    this.#unkept.clear();
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
    client.settled = Math.max(client.settled, Math.min(n, client.last));
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

  /** Which clients a store is to forget with its next batch. Those in use never are. */
  dispensable(isInUse: (clientId: string) => boolean): Forgetting {
    const { ledgerClientsMax, ledgerAgeMs } = this.#limits;
    const clientIds: string[] = [];
    let ledgerHorizon = this.#horizon;
    let looks = Math.min(LOOKS_MAX, this.#clients.size);
    for (const [clientId, { seq, usedAt }] of this.#clients) {
      const excess = this.#clients.size - clientIds.length - ledgerClientsMax;
      if (excess <= 0 && this.#openedFor - usedAt <= ledgerAgeMs) break;
      if (looks-- === 0) break;
      if (this.#unkept.has(clientId) || isInUse(clientId)) {
        this.#toNewest(clientId); // not to be looked at again in each turn
        continue;
      }
      clientIds.push(clientId);
      ledgerHorizon = Math.max(ledgerHorizon, seq + 1);
    }
    return { clientIds, ledgerHorizon };
  }

  /**
   * Forgets clients as their store has. Who is in use again stays: it was told what is known of it, and
   * goes on from there; and the store must get once more what the client may not know yet.
   */
  forget({ clientIds, ledgerHorizon }: Forgetting, isInUse: (clientId: string) => boolean): void {
    this.#horizon = ledgerHorizon;
    for (const clientId of clientIds) {
      const client = this.#clients.get(clientId);
      if (client === undefined) continue;
      if (!isInUse(clientId)) this.#clients.delete(clientId);
      else if (client.decided.size > 0) {
        client.kept = 0;
        this.#unkept.add(clientId);
      }
    }
  }

  #toNewest(clientId: string): void {
    const client = this.#clients.get(clientId);
    if (client === undefined) return;
    client.usedAt = Math.round(this.#openedFor);
    this.#clients.delete(clientId);
    this.#clients.set(clientId, client);
  }
}

function put(clients: Map<string, ClientRecord>, decision: DecidedMutation): void {
  const { clientId, n, outcome, fingerprint, owner, seq, decidedAt } = decision;
  let client = clients.get(clientId);
  if (client === undefined) {
    const decided = new Map<number, Decided>();
    client = {
      last: 0,
      seq,
      usedAt: decidedAt,
      owner,
      decided,
      settled: n - 1,
      kept: 0,
      renames: 0,
    };
    clients.set(clientId, client);
  }
  client.owner ??= owner;
  if (n >= client.last) {
    client.last = n;
    client.seq = seq;
    client.usedAt = decidedAt;
  }
  client.renames += renamesBy(outcome) - renamesBy(client.decided.get(n)?.outcome);
  client.decided.set(n, { outcome, fingerprint });
}

/** By number: there may be many more, before these. */
function addUnkept(unkept: DecidedMutation[], clientId: string, client: ClientRecord): void {
  const { owner, seq, usedAt } = client;
  for (let n = Math.max(client.kept, client.settled) + 1; n <= client.last; n++) {
    const decided = client.decided.get(n);
    if (decided === undefined) continue;
    const { fingerprint, outcome } = decided;
    unkept.push({ clientId, n, fingerprint, outcome, owner, seq, decidedAt: usedAt });
  }
}

function renamesBy(outcome: Outcome | undefined): number {
  return outcome?.kind === "accepted" && outcome.renamed !== undefined ? 1 : 0;
}

function isAnother(a: number, b: number): boolean {
  return a !== 0 && b !== 0 && a !== b;
}
