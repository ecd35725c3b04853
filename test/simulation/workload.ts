import type { SyncError } from "../../lib/errors.ts";
import { ACCOUNTS, accountId, BANK_GROUPS, BANK_TOTAL } from "./bank.ts";
import type { Step } from "./fold.ts";
import { isApart } from "./guarded.ts";
import type { PlainObject } from "./plain-object.ts";
import type { SeededRandom } from "./random.ts";
import { canaryText, TOKEN_PROPERTIES, tokenText } from "./token.ts";
import { isTally, TALLIES, tallyId } from "./tally.ts";
import type { WriteLog } from "./write-log.ts";

type Callback = (error: SyncError | null) => void;
type Writable = { readonly id?: string } & Readonly<Record<string, unknown>>;

interface Steps {
  create(object: Writable): string;
  update(object: { readonly id: string } & Writable): string;
  destroy(id: string): void;
}

/** What a client and a server's world have in common. */
export interface Writer {
  create(object: Writable, callback: Callback): Promise<unknown>;
  save(object: { readonly id: string } & Writable, callback: Callback): Promise<unknown>;
  destroy(id: string, callback: Callback): Promise<unknown>;
  transaction(fill: (steps: Steps) => void, callback: Callback): Promise<unknown>;
  fetch(ids: readonly string[], callback: Callback): Promise<unknown>;
  get(id: string): object | undefined;
  allObjects(): ReadonlyMap<string, object>;
}

/** Ids that several writers use: they create, change and destroy each other's objects. */
const SHARED_IDS = 12;
/** Those of them that never rest. */
export const RESTLESS_IDS = 3;
const NAMES = ["a", "b", "c", "d", "e"];

/** How an object comes into view and leaves it. */
export interface Flutter {
  readonly id: string;
  /** What all its properties are by turns, on one of which it may depend; undefined is not there. */
  readonly values: readonly [unknown, unknown];
  /** Whether the object is destroyed, and created anew. */
  readonly isRemade: boolean;
}

/** What one application does with a world: anything, at random. */
export class Workload {
  readonly #name: string;
  readonly #writer: Writer;
  readonly #log: WriteLog;
  readonly #random: SeededRandom;
  readonly #drawnId: () => string;
  readonly #tokenProperty: string;
  readonly #hasCanaries: boolean;
  readonly #mark: string | undefined;
  /** The objects that it was given when it asked for them. */
  readonly fetched = new Set<string>();
  /** Those that it asked for in vain. */
  readonly unfetched = new Set<string>();
  #canaries = 0;

  /**
   * `drawnId` tells the id that was drawn last, for objects that are created without one. With canaries
   * it writes values that occur nowhere else. The `mark` is a property that only clients of its version
   * of the schema write.
   */
  constructor(
    name: string,
    index: number,
    writer: Writer,
    log: WriteLog,
    random: SeededRandom,
    drawnId: () => string,
    hasCanaries: boolean,
    mark?: string,
  ) {
    this.#name = name;
    this.#writer = writer;
    this.#log = log;
    this.#random = random;
    this.#drawnId = drawnId;
    this.#hasCanaries = hasCanaries;
    this.#mark = mark;
    this.#tokenProperty = TOKEN_PROPERTIES[index % TOKEN_PROPERTIES.length] as string;
  }

  act(): void {
    const action = this.#random.below(100);
    if (action < 16) this.#create(undefined);
    else if (action < 26) this.#create(this.#sharedId());
    else if (action < 56) this.update(this.#anyId());
    else if (action < 62) this.#updateNothing(this.#anyId());
    else if (action < 76) this.#destroy(this.#anyId());
    else if (action < 88) this.transfer();
    else if (action < 92) this.#writeSeveral();
    else if (action < 98) this.#fetch();
    else this.#mistake();
  }

  /** Changes something by which it is decided who is shown what. */
  stir(): void {
    const random = this.#random;
    const id = random.chance(0.8) ? `shared:${random.below(RESTLESS_IDS)}` : this.#anyId();
    const value = random.chance(0.2) ? undefined : random.below(4);
    const changes = { [random.pick(["a", "a", "b", "c", "d", "e"])]: value };
    this.#log.issue("write", this.#log.nextOrder(), (callback) => ({
      steps: [{ kind: "update", id, changes }],
      promise: this.#writer.save({ ...changes, id }, callback),
    }));
  }

  /** Has an object come or go, which it does several times one after another. */
  flutter({ id, values, isRemade }: Flutter, time: number): void {
    const changes = Object.fromEntries(NAMES.map((name) => [name, values[time % 2]]));
    const create = { kind: "create", id, properties: defined(changes) } as const;
    const destroy = { kind: "destroy", id } as const;
    let steps: readonly Step[] = [{ kind: "update", id, changes }];
    if (this.#writer.get(id) === undefined) steps = [create];
    else if (isRemade) steps = time % 2 === 0 ? [destroy, create] : [destroy];
    this.#writeAll(this.#log.nextOrder(), steps);
  }

  /** The last thing that is ever written: it must get through. */
  sign(): void {
    this.#create(`final:${this.#name}`);
  }

  /**
   * Adds to a tally, by what there is of it: `note` is told how much, and by which write. Some
   * `mayBeAlike`: of two who add one to the same both come to the same, and both must count.
   */
  tally(
    random: SeededRandom,
    mayBeAlike: boolean,
    isFree: (id: string) => boolean,
    note: (token: string, id: string, by: number) => void,
  ): void {
    const id = tallyId(random.below(TALLIES));
    const n: unknown = Reflect.get(this.#writer.get(id) ?? {}, "n");
    if (typeof n !== "number" || !isFree(id)) return;
    const order = this.#log.nextOrder();
    const drawn = random.below(1e9);
    const by = mayBeAlike && drawn % 2 === 0 ? 1 : 1 + drawn;
    const changes = { n: n + by, ...this.#token(order) };
    note(tokenText({ writer: this.#name, order }), id, by);
    this.#log.issue("write", order, (callback) => ({
      steps: [{ kind: "update", id, changes }],
      promise: this.#writer.save({ ...changes, id }, callback),
    }));
  }

  /** Has an object refer to others. */
  refer(random: SeededRandom): void {
    const changes = random.chance(0.5)
      ? { ref: this.#sharedId() }
      : { refs: [this.#sharedId(), `seed:${random.below(20)}`] };
    const id = random.chance(0.5) ? `shared:${random.below(4)}` : `seed:${random.below(20)}`;
    this.#log.issue("write", this.#log.nextOrder(), (callback) => ({
      steps: [{ kind: "update", id, changes }],
      promise: this.#writer.save({ ...changes, id }, callback),
    }));
  }

  /** Creates what there is from the start. */
  populate(objects: number, hasTallies: boolean, others: readonly PlainObject[]): void {
    if (hasTallies) this.#createTallies();
    if (others.length > 0) this.#createOthers(others);
    for (let i = 0; i < objects; i++) this.#create(`seed:${i}`);
    this.#log.issue("write", this.#log.nextOrder(), (callback) => ({
      steps: [],
      promise: this.#writer.transaction((steps) => {
        for (let group = 0; group < BANK_GROUPS; group++) {
          for (let account = 0; account < ACCOUNTS; account++) {
            const balance = BANK_TOTAL / ACCOUNTS;
            steps.create({ id: accountId(group, account), balance });
          }
        }
      }, callback),
    }));
  }

  #createTallies(): void {
    const all = Array.from({ length: TALLIES }, (_, i): Step => {
      return { kind: "create", id: tallyId(i), properties: { n: 0 } };
    });
    this.#writeAll(this.#log.nextOrder(), all);
  }

  #createOthers(others: readonly PlainObject[]): void {
    const all = others.map(({ id, ...properties }): Step => ({ kind: "create", id, properties }));
    this.#writeAll(this.#log.nextOrder(), all);
  }

  update(id: string): void {
    const order = this.#log.nextOrder();
    const changes = { ...this.#changes(), ...this.#token(order) };
    // What was added is not to be lost, nor is anybody to set it: the mark of a schema has the same name.
    if (isTally(id)) delete changes["n"];
    this.#log.issue("write", order, (callback) => ({
      steps: [{ kind: "update", id, changes }],
      promise: this.#writer.save({ ...changes, id }, callback),
    }));
  }

  /**
   * Sets all accounts of a group at once, and now and then replaces one of them by a new one of the
   * same id: whatever the order of such writes, the sum stays.
   */
  transfer(): void {
    const order = this.#log.nextOrder();
    const random = this.#random;
    const group = random.below(BANK_GROUPS);
    const replaced = random.chance(0.2) ? random.below(ACCOUNTS) : -1;
    let left = BANK_TOTAL;
    const all: Step[] = [];
    for (let account = 0; account < ACCOUNTS; account++) {
      const id = accountId(group, account);
      const balance = account === ACCOUNTS - 1 ? left : random.below(500) - 100;
      left -= balance;
      const changes = { balance, ...this.#token(order) };
      if (account !== replaced) {
        all.push({ kind: "update", id, changes });
        continue;
      }
      all.push({ kind: "destroy", id }, { kind: "create", id, properties: changes });
    }
    this.#writeAll(order, all);
  }

  #writeSeveral(): void {
    const order = this.#log.nextOrder();
    const withToken = new Set<string>();
    const steps = Array.from({ length: 1 + this.#random.below(4) }, (): Step => {
      const id = this.#anyId();
      // One for each object, so that it takes effect there once.
      const token = withToken.has(id) ? {} : this.#token(order);
      withToken.add(id);
      const changes = { ...this.#changes(), ...token };
      switch (this.#random.below(3)) {
        case 0:
          return { kind: "create", id, properties: defined(changes) };
        case 1:
          return { kind: "update", id, changes };
        default:
          return { kind: "destroy", id };
      }
    });
    this.#writeAll(order, steps);
  }

  #writeAll(order: number, steps: readonly Step[]): void {
    this.#log.issue("write", order, (callback) => ({
      steps,
      promise: this.#writer.transaction((transaction) => {
        for (const step of steps) {
          if (step.kind === "create") transaction.create({ ...step.properties, id: step.id });
          else if (step.kind === "update") transaction.update({ ...step.changes, id: step.id });
          else transaction.destroy(step.id);
        }
      }, callback),
    }));
  }

  #create(id: string | undefined): void {
    const order = this.#log.nextOrder();
    const properties = { ...defined(this.#changes()), ...this.#token(order) };
    this.#log.issue("write", order, (callback) => {
      const object = id === undefined ? properties : { ...properties, id };
      const promise = this.#writer.create(object, callback);
      return { steps: [{ kind: "create", id: id ?? this.#drawnId(), properties }], promise };
    });
  }

  /** What is there already. */
  #updateNothing(id: string): void {
    const object = this.#writer.get(id);
    const changes = { a: object === undefined ? 1 : (Reflect.get(object, "a") as unknown) };
    this.#log.issue("write", this.#log.nextOrder(), (callback) => ({
      steps: [{ kind: "update", id, changes }],
      promise: this.#writer.save({ ...changes, id }, callback),
    }));
  }

  #destroy(id: string): void {
    this.#log.issue("write", this.#log.nextOrder(), (callback) => ({
      steps: [{ kind: "destroy", id }],
      promise: this.#writer.destroy(id, callback),
    }));
  }

  #fetch(): void {
    const ids = Array.from({ length: this.#random.below(4) }, () =>
      this.#random.chance(0.4) ? `ext:${this.#random.below(10)}` : this.#anyId(),
    );
    this.#log.issue("fetch", this.#log.nextOrder(), (callback) => {
      const noting = (error: SyncError | null): void => {
        for (const id of ids) (error === null ? this.fetched : this.unfetched).add(id);
        callback(error);
      };
      return { steps: [], promise: this.#writer.fetch(ids, noting) };
    });
  }

  #mistake(): void {
    this.#log.issue("mistake", this.#log.nextOrder(), (callback) => ({
      steps: [],
      promise: this.#writer.create({ a: NaN }, callback),
    }));
  }

  #sharedId(): string {
    return `shared:${this.#random.below(SHARED_IDS)}`;
  }

  /** An id that somebody could write to; not the bank's. */
  #anyId(): string {
    const random = this.#random;
    const objects = this.#writer.allObjects();
    if (objects.size > 0 && random.chance(0.6)) {
      let left = random.below(objects.size);
      for (const id of objects.keys()) {
        if (left-- === 0 && !isOfAll(id)) return id;
      }
    }
    return random.chance(0.2) ? `ext:${random.below(10)}` : this.#sharedId();
  }

  #token(order: number): Record<string, unknown> {
    return { [this.#tokenProperty]: tokenText({ writer: this.#name, order }) };
  }

  #changes(): Record<string, unknown> {
    const changes: Record<string, unknown> = {};
    const count = this.#random.below(4);
    for (let i = 0; i < count; i++) changes[this.#random.pick(NAMES)] = this.#value();
    if (this.#hasCanaries && this.#random.chance(0.5)) changes["s"] = this.#canary();
    if (this.#mark !== undefined && this.#random.chance(0.5)) {
      changes[this.#mark] = this.#random.below(4);
    }
    return changes;
  }

  #canary(): string {
    this.#canaries += 1;
    return canaryText({ writer: this.#name, order: this.#canaries });
  }

  #value(): unknown {
    const random = this.#random;
    switch (random.below(10)) {
      case 0:
      case 1:
      case 2:
        return undefined;
      case 3:
        return this.#hasCanaries ? this.#canary() : "x".repeat(random.below(80));
      case 4:
        return { deep: [random.below(3), { er: null }] };
      case 5:
        return new Date(random.below(5) * 1e11);
      case 6:
        return Uint8Array.of(random.below(3), 7);
      case 7:
        return random.between(-1, 1);
      default:
        return random.below(4);
    }
  }
}

/** What is not to be changed by whoever likes. */
function isOfAll(id: string): boolean {
  return id.startsWith("bank") || id.startsWith("final") || isTally(id) || isApart(id);
}

function defined(changes: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined));
}
