import type { Kept } from "../../client/persistence.ts";
import { ledgerOf, type Change } from "../../lib/delta.ts";
import type { ServerMessage } from "../../lib/messages.ts";
import { canonical } from "../support/canonical.ts";
import type { Checks } from "./checks.ts";
import type { PlainObject } from "./plain-object.ts";
import type { ServerOracle } from "./server-oracle.ts";
import { StateHash } from "./state-hash.ts";
import { userOf } from "./token.ts";

/** What a client must hold, as text by id, once it has been given a message: tells what is wrong. */
export type Expected = (held: ReadonlyMap<string, string>) => string | undefined;

interface Held {
  readonly object: PlainObject;
  readonly text: string;
}

/** What one whole step of the server has done to a mirror. */
export interface MirrorStep {
  /** The ids of all objects that it touched. */
  readonly touched: ReadonlySet<string>;
  /** The ids of those that changed without an event. */
  readonly silent: ReadonlySet<string>;
  readonly renamed: ReadonlyMap<string, string>;
}

/**
 * The confirmed state of one client, by the plainest reading of what came over the wire to it: a
 * second opinion on the replica. At each whole step it must be the state that the server's store had
 * at that moment; or, for who is shown a part of the world only, what is expected of that.
 */
export class Mirror {
  readonly #who: string;
  readonly #checks: Checks;
  readonly #oracle: ServerOracle;
  readonly #isPartial: boolean;
  /** Whether what comes may have been disordered unnoticed: then it adds up to nothing. */
  readonly #isInDisorder: boolean;
  readonly #hash = new StateHash();
  readonly #ephemeral = new StateHash();
  readonly #byHandle = new Map<number, Held>();
  readonly #byId = new Map<string, PlainObject>();
  readonly #texts = new Map<string, string>();
  #epoch = "";
  #seq = 0;
  #position = 0;
  /** The outcomes up to this number of this ledger are known: what is told again changes nothing. */
  #ledger = "";
  #known = 0;
  #isReplacing = false;
  #isWhole = false;
  #staged: Change[] = [];

  constructor(
    who: string,
    checks: Checks,
    oracle: ServerOracle,
    isPartial: boolean,
    isInDisorder: boolean,
  ) {
    this.#who = who;
    this.#checks = checks;
    this.#oracle = oracle;
    this.#isPartial = isPartial;
    this.#isInDisorder = isInDisorder;
  }

  get epoch(): string {
    return this.#epoch;
  }

  get seq(): number {
    return this.#seq;
  }

  /** Whether it has ever been whole. */
  get isWhole(): boolean {
    return this.#isWhole;
  }

  get objects(): ReadonlyMap<string, PlainObject> {
    return this.#byId;
  }

  /** Goes on from what an earlier client has kept: that is as confirmed as if the server had told it. */
  restore({ cursor, objects, writes, epoch: ledger, nextNumber }: Kept): void {
    const { epoch, seq, isPart } = cursor;
    if (writes.length > 0) {
      const first = writes.find(({ isUncertain }) => !isUncertain);
      this.#ledger = ledgerOf(ledger);
      this.#known = (first?.n ?? nextNumber) - 1;
    }
    for (const { handle, object } of objects) this.#set(handle, object);
    if (epoch === "") return; // it was never told anything, or has given up what it has
    this.#checks.saw("restored view");
    this.#epoch = epoch;
    this.#seq = seq;
    this.#isWhole = true;
    if (isPart !== true) this.#compare();
    else if (!this.#isInDisorder) {
      const isKnown = this.#oracle.hasShown(userOf(this.#who), this.#state);
      this.#check(isKnown, "G14", `goes on from a part of ${epoch}/${seq} that it was never shown`);
    }
  }

  /**
   * Takes in a message; a step, when with it the mirror is whole again. Of who is shown a part only it
   * is told what is `expected` then.
   */
  take(message: ServerMessage, expected: Expected | undefined): MirrorStep | undefined {
    if (message.kind === "welcome") {
      const { isResumed, epoch, seq, decided } = message;
      this.#staged = [];
      this.#isReplacing = !isResumed;
      this.#position = isResumed ? this.#seq : 0;
      const isSame = epoch === this.#epoch;
      if (isResumed) this.#checks.saw("resume");
      else if (this.#isWhole) this.#checks.saw(isSame ? "resync" : "new epoch");
      if (this.#isWhole && !isSame && ledgerOf(epoch) === ledgerOf(this.#epoch)) {
        this.#checks.saw(
          decided < this.#known ? "backup that lacks decisions" : "backup that has all",
        );
      }
      this.#check(isSame || !isResumed, "G11", `resumed ${this.#epoch} as ${epoch}`);
      this.#check(!isResumed || seq >= this.#seq, "G11", `welcomed at ${seq}, was at ${this.#seq}`);
      if (ledgerOf(epoch) !== this.#ledger || decided < this.#known) this.#known = decided;
      this.#ledger = ledgerOf(epoch);
      this.#epoch = epoch;
      return undefined;
    }
    if (message.kind === "fetched") this.#compareWith(expected);
    if (message.kind !== "delta") return undefined;
    const { from, to, changes } = message.delta;
    this.#check(from <= this.#position && to >= this.#position, "G2", () => {
      return `a delta goes from ${from} to ${to}, at ${this.#position}`;
    });
    this.#position = to;
    this.#staged.push(...changes);
    if (!message.isWhole) {
      this.#checks.saw("page");
      return undefined;
    }
    const renamed = new Map<string, string>();
    for (const { n, outcome } of message.outcomes) {
      if (n <= this.#known) {
        this.#checks.saw("outcome of a retry");
        continue;
      }
      this.#known = n;
      if (outcome.kind !== "accepted") continue;
      for (const [provisional, id] of outcome.renamed ?? []) renamed.set(provisional, id);
    }
    if (renamed.size > 0) this.#checks.saw("rename");
    const isOneMessage = this.#staged.length === changes.length;
    if (isOneMessage && !this.#isReplacing) this.#checkFlicker();
    return { ...this.#finish(expected), renamed };
  }

  /** What is still there in the end was not away between. */
  #checkFlicker(): void {
    const ended = new Set<number>();
    for (const { kind, handle } of this.#staged) {
      if (kind === "destroy") ended.add(handle);
      else this.#check(!ended.has(handle), "G14", `is told that ${handle} goes and comes at once`);
    }
  }

  #finish(expected: Expected | undefined): Pick<MirrorStep, "touched" | "silent"> {
    const touched = new Set<string>();
    const silent = new Set<string>();
    if (this.#isReplacing) {
      for (const [handle, { object }] of this.#byHandle) {
        touched.add(object.id);
        this.#set(handle, undefined);
      }
    } else {
      this.#check(
        this.#position >= this.#seq,
        "G11",
        `back to ${this.#position} from ${this.#seq}`,
      );
    }
    for (const change of this.#staged) {
      const held = this.#byHandle.get(change.handle)?.object;
      const object = changed(held, change);
      const id = held?.id ?? object?.id;
      if (id === undefined) continue;
      touched.add(id);
      if (change.silent) silent.add(id);
      this.#set(change.handle, object);
    }
    this.#staged = [];
    this.#isReplacing = false;
    this.#seq = this.#position;
    this.#isWhole = true;
    if (this.#isPartial) this.#compareWith(expected);
    else this.#compare();
    return { touched, silent };
  }

  #set(handle: number, object: PlainObject | undefined): void {
    const held = this.#byHandle.get(handle);
    if (held !== undefined) {
      this.#hashOf(held.object).remove(held.text);
      this.#byHandle.delete(handle);
      this.#byId.delete(held.object.id);
      this.#texts.delete(held.object.id);
    }
    if (object === undefined) return;
    const isAlone = this.#isInDisorder || !this.#byId.has(object.id);
    this.#check(isAlone, "G9", `there are two objects ${object.id}`);
    const text = canonical(object);
    this.#hashOf(object).add(text);
    this.#byHandle.set(handle, { object, text });
    this.#byId.set(object.id, object);
    this.#texts.set(object.id, text);
  }

  #hashOf({ id }: PlainObject): StateHash {
    return this.#oracle.isEphemeral(id) ? this.#ephemeral : this.#hash;
  }

  /** All that it holds, and of which moment. */
  get #state(): string {
    return `${this.#epoch}/${this.#seq} ${this.#hash.value} ${this.#ephemeral.value}`;
  }

  #compareWith(expected: Expected | undefined): void {
    if (this.#isPartial) this.#oracle.shown(userOf(this.#who), this.#state);
    if (expected === undefined) return;
    const problem = expected(this.#texts);
    this.#check(problem === undefined, "G14", () => `at ${this.#seq} ${problem ?? ""}`);
  }

  #compare(): void {
    const epoch = this.#oracle.epoch(this.#epoch);
    const expected = epoch?.stateAt(this.#seq);
    const place = `${this.#epoch}/${this.#seq}`;
    this.#check(expected !== undefined, "G5", `was told of ${place}, which is not kept`);
    this.#check(expected === this.#hash.value, "G14", () => {
      return `is told another state of ${place} than the store has: ${this.#difference()}`;
    });
    if (!this.#oracle.hasEphemeral) return;
    const isAsThen = epoch?.ephemeralAt(this.#seq) === this.#ephemeral.value;
    this.#check(isAsThen, "ephemeral", `has ephemeral objects that are not those of ${place}`);
  }

  /** Only right when the store has not gone on meanwhile, but better than nothing. */
  #difference(): string {
    const kept = new Map<string, string>();
    for (const object of this.#oracle.epoch(this.#epoch)?.objects() ?? []) {
      kept.set((object as PlainObject).id, canonical(object));
    }
    const lines: string[] = [];
    for (const id of new Set([...kept.keys(), ...this.#byId.keys()])) {
      if (this.#oracle.isEphemeral(id)) continue;
      const mine = this.#byId.get(id);
      const text = mine === undefined ? "nothing" : canonical(mine);
      const other = kept.get(id) ?? "nothing";
      if (text !== other) lines.push(`\n  ${id}: has ${text}\n     store has ${other}`);
    }
    return lines.slice(0, 5).join("");
  }

  #check(
    holds: boolean,
    guarantee: "G2" | "G5" | "G9" | "G11" | "G14" | "ephemeral",
    message: string | (() => string),
  ): void {
    this.#checks.check(holds, guarantee, () => {
      return `${this.#who} ${typeof message === "string" ? message : message()}`;
    });
  }
}

function changed(held: PlainObject | undefined, change: Change): PlainObject | undefined {
  if (change.kind === "destroy") return undefined;
  if (change.kind === "update" && held === undefined) return undefined;
  const id = change.kind === "create" ? change.id : (held as PlainObject).id;
  const object: Record<string, unknown> = change.kind === "create" ? {} : { ...held };
  for (const [i, name] of change.shape.names.entries()) {
    const value = change.values[i];
    if (value === undefined) Reflect.deleteProperty(object, name);
    else object[name] = value;
  }
  return { ...object, id };
}
