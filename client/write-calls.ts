import type { Callback } from "../lib/callback.ts";
import type { WriteCheck } from "../lib/change-check.ts";
import type { SyncError } from "../lib/errors.ts";
import type { ClientLimits } from "../lib/limits.ts";
import type { ObjectId, SyncObject } from "../lib/object.ts";
import {
  toProperties,
  type CreateOperation,
  type Operation,
  type UpdateOperation,
} from "../lib/operation.ts";
import { collect, type Transaction } from "../lib/transaction.ts";
import type { Calls } from "./calls.ts";
import type { Follower } from "./follower.ts";
import { WriteHandle, type WriteStage } from "./write-handle.ts";

type WrittenObject = CreateOperation | UpdateOperation;
type Fill = (transaction: Transaction) => unknown;

export interface WriteCallsOptions {
  readonly follower: Follower;
  readonly calls: Calls;
  readonly limits: ClientLimits;
  readonly check: WriteCheck | undefined;
  readonly newId: () => string;
  /** A write was never begun: what it would have done, as far as it could be understood. */
  readonly rejected: (error: SyncError, operations: readonly Operation[]) => void;
}

/** Calls that write: from what the application passes to operations, and back to its objects. */
export class WriteCalls {
  readonly #options: WriteCallsOptions;

  constructor(options: WriteCallsOptions) {
    this.#options = options;
  }

  writeObject<Held>(fill: Fill, callback: Callback<Held> | undefined): WriteHandle<Held> {
    return this.write(
      fill,
      callback,
      ([operation], [id]) =>
        this.#writtenObject(operation as WrittenObject, id as ObjectId) as Held,
    );
  }

  write<Result>(
    fill: Fill,
    callback: Callback<Result> | undefined,
    resultOf?: (operations: readonly Operation[], ids: readonly ObjectId[]) => Result,
  ): WriteHandle<Result> {
    const { follower, calls, limits, check, newId, rejected } = this.#options;
    let operations: readonly Operation[] = [];
    const handle: WriteHandle<Result> = calls.call(
      WriteHandle<Result>,
      callback,
      (settle) => {
        const get = (id: string): SyncObject | undefined => follower.view.get(id);
        operations = collect(fill, limits, newId, get);
        check?.(operations, get);
        const settled = (error: SyncError | undefined, ids: readonly ObjectId[]): void => {
          settle(error, error === undefined ? resultOf?.(operations, ids) : undefined);
        };
        const reach = (stage: WriteStage): void => WriteHandle.reach(handle, stage);
        if (operations.length > 0) follower.write(operations, settled, reach);
        else follower.tellSoon(() => settled(undefined, []));
      },
      (error) => {
        rejected(error, operations);
        WriteHandle.reach(handle, "rejected");
      },
    );
    return handle;
  }

  /** The object, or if it is gone by now what was written. */
  #writtenObject(operation: WrittenObject, id: ObjectId): SyncObject {
    const written = operation.kind === "create" ? operation.properties : operation.changes;
    return this.#options.follower.view.get(id) ?? { id, ...toProperties(written) };
  }
}
