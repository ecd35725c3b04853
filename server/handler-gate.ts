import type { Scheduler } from "../lib/environment.ts";
import { SyncError } from "../lib/errors.ts";
import type { ServerLimits } from "../lib/limits.ts";
import {
  checkId,
  copyChanges,
  equalValues,
  propertyOf,
  setProperty,
  type Changes,
  type ObjectId,
  type OwnedObject,
  type SyncObject,
} from "../lib/object.ts";
import {
  toProperties,
  type CreateOperation,
  type DestroyOperation,
  type Operation,
  type UpdateOperation,
} from "../lib/operation.ts";
import { withReferences, type References } from "../lib/references.ts";
import type { World } from "../lib/world.ts";
import {
  callHandler,
  type Answered,
  type HandlerName,
  type Handlers,
  type WriteStep,
} from "./handlers.ts";
import type { Asked, MutationName, Writer } from "./job.ts";

/** A mutation as the handlers have left it. */
export interface Consulted {
  readonly operations: readonly Operation[];
  readonly asked: Asked;
  /** Objects whose change asks for no event. */
  readonly silent: ReadonlySet<ObjectId>;
  /** Ids that handlers gave in place of provisional ones. */
  readonly renamed: ReadonlyMap<ObjectId, ObjectId>;
}

/** What is known while the operations of one mutation are consulted on, one after another. */
interface Draft {
  readonly writer: Writer;
  /** What is consulted on now. */
  step: WriteStep | null;
  readonly operations: Operation[];
  readonly asked: Map<Operation, Operation>;
  readonly silent: Set<ObjectId>;
  readonly renamed: Map<ObjectId, ObjectId>;
  readonly states: Map<ObjectId, OwnedObject | null>;
}

/**
 * Asks an application's handlers about a mutation, operation by operation. Whoever calls sees to it
 * that no other mutation of the same objects is under way meanwhile.
 *
 * Of a mutation with several operations, those before a refused one have reached the handlers: an
 * application whose database must not see half of it checks in its first handler.
 */
export class HandlerGate {
  readonly #name: string;
  readonly #handlers: Handlers;
  readonly #references: References;
  readonly #world: World;
  readonly #limits: ServerLimits;
  readonly #scheduler: Scheduler;

  /** `name` is the world's. */
  constructor(
    name: string,
    handlers: Handlers,
    references: References,
    world: World,
    limits: ServerLimits,
    scheduler: Scheduler,
  ) {
    this.#name = name;
    this.#handlers = handlers;
    this.#references = references;
    this.#world = world;
    this.#limits = limits;
    this.#scheduler = scheduler;
  }

  /** `client` names the mutation; null for the server's own. */
  async consult(
    operations: readonly Operation[],
    writer: Writer,
    client: Pick<MutationName, "clientId" | "n"> | null,
  ): Promise<Consulted> {
    const draft: Draft = {
      writer,
      step: null,
      operations: [],
      asked: new Map(),
      silent: new Set(),
      renamed: new Map(),
      states: new Map(),
    };
    const idOf = (id: ObjectId): ObjectId => draft.renamed.get(id) ?? id;
    for (const [index, given] of operations.entries()) {
      draft.step = client && { clientId: client.clientId, n: client.n, index };
      const operation = withReferences(given, this.#references, idOf);
      const id = idOf(operation.id);
      switch (operation.kind) {
        case "create":
          await this.#create(operation, draft);
          break;
        case "update":
          await this.#update({ ...operation, id }, draft);
          break;
        case "destroy":
          await this.#destroy({ ...operation, id }, draft);
      }
    }
    return draft;
  }

  /**
   * Fetches what the world does not hold yet, as operations that bring it in. The handler is asked about
   * what is hidden as well, for nothing: it may take long or fail, by which who asks could tell.
   */
  async load(
    ids: readonly ObjectId[],
    writer: Writer,
    isHidden: (id: ObjectId) => boolean = () => false,
  ): Promise<CreateOperation[]> {
    const isMissing = (id: ObjectId): boolean =>
      this.#world.get(id) === undefined && !this.#world.isGone(id);
    const missing = new Set(ids.filter(isMissing));
    const found = await this.#fetch(
      ids.filter((id) => missing.has(id) || isHidden(id)),
      writer,
    );
    return [...found.values()].filter(({ id }) => missing.has(id));
  }

  /** Fetches these objects, be they held or not, as operations that make the world agree. */
  async refresh(ids: readonly ObjectId[], writer: Writer): Promise<Operation[]> {
    if (this.#handlers.fetch === undefined) return [];
    const found = await this.#fetch(ids, writer);
    return [...new Set(ids)].flatMap((id): Operation[] => {
      const [held, there] = [this.#world.get(id), found.get(id)];
      if (there === undefined) return held === undefined ? [] : [{ kind: "destroy", id }];
      return [held === undefined ? there : becoming(held, there)];
    });
  }

  async #fetch(
    ids: readonly ObjectId[],
    writer: Writer,
  ): Promise<ReadonlyMap<ObjectId, CreateOperation>> {
    const found = new Map<ObjectId, CreateOperation>();
    const asked = new Set(ids);
    if (this.#handlers.fetch === undefined || asked.size === 0) return found;
    const { result } = await this.#call("fetch", [...asked], { writer, step: null });
    if (result === undefined) return found;
    if (!Array.isArray(result)) {
      throw new SyncError("handler_failed", "the fetch handler must answer with an array");
    }
    return answerOf("fetch", () => {
      for (const object of result as unknown[]) {
        if (!isObject(object)) continue;
        const id = this.#idOf(object);
        if (id !== undefined && asked.has(id)) found.set(id, this.#bringIn(id, object));
      }
      return found;
    });
  }

  async #create(operation: CreateOperation, draft: Draft): Promise<void> {
    const { id, properties, chosen } = operation;
    const isTaken = this.#stateOf(id, draft) !== undefined;
    if (isTaken || this.#handlers.create === undefined) {
      put(operation, operation, draft);
      draft.states.set(id, { id, ...properties });
      return;
    }
    const subject = chosen ? { id, ...properties } : { ...properties };
    const { result, isSilent } = await this.#call("create", subject, draft);
    const created = answerOf("create", () => {
      const object = objectOf(result) ?? properties;
      return this.#bringIn(this.#idOf(object) ?? id, object);
    });
    if (created.id !== id) draft.renamed.set(id, created.id);
    this.#add({ ...created, chosen }, isSilent, draft, { ...operation, id: created.id });
  }

  async #update(operation: UpdateOperation, draft: Draft): Promise<void> {
    const { id, changes } = operation;
    const current = this.#stateOf(id, draft) ?? (await this.#bringInFor(id, draft));
    const isKnown = current !== undefined;
    // Without a fetch handler the application's database may hold what the world has not heard of.
    const mayExist =
      isKnown || (this.#handlers.fetch === undefined && this.#isUnheardOf(id, draft));
    if (this.#handlers.update === undefined || !mayExist) {
      put(operation, operation, draft);
      return;
    }
    const next: OwnedObject = { id, ...current };
    for (const [name, value] of Object.entries(changes)) setProperty(next, name, value);
    if (isKnown && isUnchanged(current, next)) return;
    const { result, isSilent } = await this.#call("update", { ...next }, draft);
    const answered = answerOf("update", () => this.#answeredChanges(id, objectOf(result) ?? {}));
    if (isSilent) draft.silent.add(id);
    if (isKnown) {
      const all = { ...changes, ...answered };
      for (const [name, value] of Object.entries(all)) setProperty(next, name, value);
      draft.states.set(id, next);
      put({ kind: "update", id, changes: all }, operation, draft);
    } else {
      this.#add(this.#bringIn(id, { ...next, ...answered }), true, draft, operation);
    }
  }

  async #destroy(operation: DestroyOperation, draft: Draft): Promise<void> {
    const { id } = operation;
    const isKnown = this.#stateOf(id, draft) !== undefined;
    if (isKnown || this.#isUnheardOf(id, draft)) {
      if (this.#handlers.destroy !== undefined) {
        const { isSilent } = await this.#call("destroy", id, draft);
        if (isSilent) draft.silent.add(id);
        if (!isKnown) return; // it was in the application's database only
      }
    }
    draft.states.set(id, null);
    put(operation, operation, draft);
  }

  /** Neither here nor remembered as destroyed: the application's database may have it. */
  #isUnheardOf(id: ObjectId, draft: Draft): boolean {
    return !draft.states.has(id) && this.#world.get(id) === undefined && !this.#world.isGone(id);
  }

  #stateOf(id: ObjectId, draft: Draft): SyncObject | undefined {
    return draft.states.has(id) ? (draft.states.get(id) ?? undefined) : this.#world.get(id);
  }

  async #bringInFor(id: ObjectId, draft: Draft): Promise<SyncObject | undefined> {
    if (!this.#isUnheardOf(id, draft)) return undefined;
    const [found] = await this.load([id], draft.writer);
    if (found === undefined) return undefined;
    this.#add(found, true, draft);
    return draft.states.get(id) ?? undefined;
  }

  #add(operation: CreateOperation, isSilent: boolean, draft: Draft, asked?: Operation): void {
    put(operation, asked, draft);
    draft.states.set(operation.id, { id: operation.id, ...operation.properties });
    if (isSilent) draft.silent.add(operation.id);
  }

  #bringIn(id: ObjectId, object: object): CreateOperation {
    const properties = toProperties(copyChanges(object, this.#limits, id));
    return { kind: "create", id, properties, chosen: true };
  }

  #answeredChanges(id: ObjectId, result: object): UpdateOperation["changes"] {
    const answeredId = this.#idOf(result);
    if (answeredId !== undefined && answeredId !== id) {
      throw new SyncError("invalid_id", "an update cannot change an object's id", { id });
    }
    return copyChanges(result, this.#limits, id);
  }

  #idOf(object: object): ObjectId | undefined {
    const id = (object as { id?: unknown }).id;
    return id === undefined || id === null ? undefined : checkId(id, this.#limits);
  }

  #call(
    name: HandlerName,
    subject: unknown,
    { writer, step }: Pick<Draft, "writer" | "step">,
  ): Promise<Answered> {
    const { handlerTimeoutMs } = this.#limits;
    const context = { world: this.#name, identity: writer?.identity, step };
    const handler = (this.#handlers as Readonly<Record<string, unknown>>)[name];
    const sessionId = writer?.id ?? null;
    const patience = [handlerTimeoutMs, this.#scheduler] as const;
    return callHandler(name, handler, subject, sessionId, context, ...patience);
  }
}

/** Nobody has asked for what handlers alone have found. */
function put(operation: Operation, asked: Operation | undefined, draft: Draft): void {
  draft.operations.push(operation);
  if (asked !== undefined) draft.asked.set(operation, asked);
}

/** An answer that cannot be used is a fault of the handler, not of whoever wrote. */
function answerOf<Read>(name: HandlerName, read: () => Read): Read {
  try {
    return read();
  } catch (cause) {
    if (!(cause instanceof SyncError)) throw cause;
    // Not why, nor of what: who wrote, or fetched, may not be one who may read that.
    const message = `the answer of the ${name} handler cannot be used`;
    throw new SyncError("handler_failed", message, { cause });
  }
}

function objectOf(result: unknown): object | undefined {
  if (result === undefined || isObject(result)) return result;
  throw new SyncError("invalid_payload", "an object must be answered, or nothing");
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

/**
 * The row that a database made for a write may be here before the write is: fetched meanwhile, or made
 * before a crash. Then it is no other object.
 */
export function meet(
  operations: readonly Operation[],
  renamed: ReadonlyMap<ObjectId, ObjectId>,
  world: World,
): readonly Operation[] {
  const made = new Set(renamed.values());
  return operations.map((operation) => {
    const held = made.has(operation.id) ? world.get(operation.id) : undefined;
    return operation.kind === "create" && held !== undefined
      ? becoming(held, operation)
      : operation;
  });
}

/** What makes an object equal to the one that would be created. */
function becoming(held: SyncObject, { id, properties }: CreateOperation): UpdateOperation {
  const changes: Changes = { ...properties };
  for (const name of Object.keys(held)) {
    if (name !== "id" && !Object.hasOwn(properties, name)) changes[name] = undefined;
  }
  return { kind: "update", id, changes };
}

function isUnchanged(current: SyncObject, next: OwnedObject): boolean {
  const names = new Set([...Object.keys(current), ...Object.keys(next)]);
  return [...names].every((name) => equalValues(propertyOf(current, name), propertyOf(next, name)));
}
