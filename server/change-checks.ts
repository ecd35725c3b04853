import { checkChanges, type ObjectChange } from "../lib/change-check.ts";
import { SyncError } from "../lib/errors.ts";
import type { ObjectId, SyncObject } from "../lib/object.ts";
import type { Operation } from "../lib/operation.ts";
import type { Writer } from "./job.ts";
import type { SessionInfo } from "./session.ts";
import { isStrayPromise } from "./thenable.ts";

/** A create or an update that is about to be made. */
export type CheckedChange = ObjectChange & {
  readonly world: string;
  /** Who writes; null for the server's own code, and for what a fetch handler has found. */
  readonly session: SessionInfo | null;
};

/** Throws a SyncError to refuse a write. It must not be async, and must have no effects. */
export type ChangeCheck = (change: CheckedChange) => void;

/** Those of a world. */
interface Objects {
  get(id: string): SyncObject | undefined;
}

/** Who wants to be asked about every create and update, in all worlds of a server. */
export class ChangeChecks {
  readonly #checks = new Set<{ readonly check: (change: CheckedChange) => unknown }>();

  /** Returns its undo. */
  add(check: ChangeCheck): () => void {
    const added = { check };
    this.#checks.add(added);
    return () => void this.#checks.delete(added);
  }

  /** Throws the SyncError by which a check refuses, and `handler_failed` when a check is at fault. */
  run(operations: readonly Operation[], world: string, session: Writer, objects: Objects): void {
    if (this.#checks.size === 0) return;
    this.#run(operations, world, session, (id) => objects.get(id) ?? null);
  }

  /** The same before handlers hear of a write, as far as it is known by then what they will make of it. */
  runBeforeHandlers(
    operations: readonly Operation[],
    world: string,
    session: Writer,
    objects: Objects,
  ): void {
    if (this.#checks.size === 0) return;
    // Without its final id nobody can tell of what kind an object is.
    const unnamed = new Set(operations.filter(isUnnamed).map(({ id }) => id));
    const named = operations.filter(({ id }) => !unnamed.has(id));
    // What is not here may be in the application's database.
    this.#run(named, world, session, (id) => objects.get(id));
  }

  #run(
    operations: readonly Operation[],
    world: string,
    session: Writer,
    read: (id: ObjectId) => SyncObject | null | undefined,
  ): void {
    checkChanges(operations, read, (change) => {
      for (const { check } of this.#checks) ask(check, { ...change, world, session });
    });
  }
}

function isUnnamed(operation: Operation): boolean {
  return operation.kind === "create" && !operation.chosen;
}

function ask(check: (change: CheckedChange) => unknown, change: CheckedChange): void {
  const { id } = change;
  let answer: unknown;
  try {
    answer = check(change);
  } catch (cause) {
    if (cause instanceof SyncError) throw cause;
    throw new SyncError("handler_failed", "a check failed", { id, cause });
  }
  if (!isStrayPromise(answer)) return;
  throw new SyncError("handler_failed", "a check has answered with a promise", { id });
}
