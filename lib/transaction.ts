import { atMost, SyncError } from "./errors.ts";
import type { CommonLimits } from "./limits.ts";
import { checkId, copyChanges, isRecord, type Changes, type ObjectId } from "./object.ts";
import { toProperties, type Operation } from "./operation.ts";

/** What an application writes: properties, with the object's id, or without for a new object. */
export type Writable = { readonly id?: string | undefined } & Readonly<Record<string, unknown>>;

/**
 * Collects what is to be written as one atomic step. Every method checks what it is given and
 * copies it, so that the caller may go on changing its own objects.
 */
export class Transaction {
  readonly #limits: CommonLimits;
  readonly #newId: () => string;
  readonly #get: (id: string) => object | undefined;
  readonly #operations: Operation[] = [];
  #isOver = false;

  constructor(limits: CommonLimits, newId: () => string, get: (id: string) => object | undefined) {
    this.#limits = limits;
    this.#newId = newId;
    this.#get = get;
  }

  /** What was written. What comes later is no part of it any more, and throws. */
  end(): readonly Operation[] {
    this.#isOver = true;
    return this.#operations;
  }

  /** Updates the object of this id, or creates one when there is no id. Returns the id. */
  save(object: Writable): ObjectId {
    return isNew(object) ? this.create(object) : this.update(object);
  }

  /** Creates an object, under a new id if it has none. Returns the id. */
  create(object: Writable): ObjectId {
    const chosen = !isNew(object);
    const id = chosen ? checkId(object.id, this.#limits) : (this.#newId() as ObjectId);
    const properties = toProperties(this.#changesOf(object, id));
    this.#add({ kind: "create", id, properties, chosen });
    return id;
  }

  /** Changes only the properties that are given; undefined removes one. Returns the id. */
  update(object: Writable): ObjectId {
    checkIsObject(object);
    const id = checkId(object.id, this.#limits);
    // If its owner has changed it, nobody can tell any more what was changed, or take it back.
    if (object === this.#get(id)) {
      throw new SyncError("invalid_payload", "give a copy, not the object itself", { id });
    }
    this.#add({ kind: "update", id, changes: this.#changesOf(object, id) });
    return id;
  }

  destroy(id: string): void {
    this.#add({ kind: "destroy", id: checkId(id, this.#limits) });
  }

  #changesOf(object: Writable, id: ObjectId): Changes {
    return copyChanges(object, this.#limits, id);
  }

  #add(operation: Operation): void {
    if (this.#isOver) throw new SyncError("invalid_payload", "the transaction is over");
    const { operationsPerMutationMax } = this.#limits;
    if (this.#operations.length >= operationsPerMutationMax) {
      throw atMost("a write", operationsPerMutationMax, "operations", { id: operation.id });
    }
    this.#operations.push(operation);
  }
}

function isNew(object: Writable): boolean {
  checkIsObject(object);
  return (object.id ?? undefined) === undefined;
}

function checkIsObject(object: unknown): void {
  if (isRecord(object)) return;
  throw new SyncError("invalid_payload", "an object must be given");
}

/**
 * Runs an application's function on a transaction. Whatever it throws, nothing is written. `get`
 * finds the objects that the application has been given, which are not to be changed by it.
 */
export function collect(
  fill: (transaction: Transaction) => unknown,
  limits: CommonLimits,
  newId: () => string,
  get: (id: string) => object | undefined,
): readonly Operation[] {
  const transaction = new Transaction(limits, newId, get);
  const returned = fill(transaction);
  const operations = transaction.end();
  if (returned instanceof Promise) {
    returned.catch(() => undefined);
    const message = "a transaction must not be async";
    throw new SyncError("invalid_payload", message);
  }
  return operations;
}
