import { SyncError } from "../lib/errors.ts";
import type { Limits } from "../lib/limits.ts";
import { checkId, copyChanges } from "../lib/object.ts";
import { toProperties, type Operation } from "../lib/operation.ts";

/** Makes operations of what an application passes, or throws a SyncError that says what is wrong. */
export class OperationMaker {
  readonly #limits: Limits;
  readonly #drawId: () => string;

  constructor(limits: Limits, drawId: () => string) {
    this.#limits = limits;
    this.#drawId = drawId;
  }

  save(object: unknown): Operation {
    return idOf(object) === undefined ? this.create(object) : this.update(object);
  }

  create(object: unknown): Operation {
    const given = idOf(object);
    const chosen = given !== undefined;
    const id = checkId(given ?? this.#drawId(), this.#limits);
    const properties = toProperties(copyChanges(object as object, this.#limits, id));
    return { kind: "create", id, properties, chosen };
  }

  update(object: unknown): Operation {
    const id = checkId(idOf(object), this.#limits);
    return { kind: "update", id, changes: copyChanges(object as object, this.#limits, id) };
  }

  destroy(id: unknown): Operation {
    return { kind: "destroy", id: checkId(id, this.#limits) };
  }
}

function idOf(object: unknown): unknown {
  if (typeof object !== "object" || object === null || Array.isArray(object)) {
    throw new SyncError("invalid_payload", "an object with properties is needed");
  }
  return (object as { id?: unknown }).id;
}
