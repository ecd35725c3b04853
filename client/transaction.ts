import { SyncError } from "../lib/errors.ts";
import type { Operation } from "../lib/operation.ts";
import type { ChangesOf, NewObject } from "./models.ts";
import type { OperationMaker } from "./operations.ts";

/** Collects writes that are to be one. Each method throws what is wrong with its argument. */
export interface Transaction<Models> {
  /** Each returns the object's id. */
  save<Id extends string>(object: ChangesOf<Models, Id>): string;
  save(object: NewObject<Models>): string;
  create(object: NewObject<Models>): string;
  update<Id extends string>(object: ChangesOf<Models, Id>): string;
  destroy(id: string): void;
}

/** Runs `body`, and returns the operations that it asked for. Throws what `body` throws. */
export function collectOperations<Models>(
  body: (transaction: Transaction<Models>) => unknown,
  maker: OperationMaker,
): readonly Operation[] {
  const operations: Operation[] = [];
  let isOver = false;
  const add = (operation: Operation): string => {
    if (isOver) throw new SyncError("invalid_payload", "the transaction is over");
    operations.push(operation);
    return operation.id;
  };
  const result = body({
    save: (object: unknown) => add(maker.save(object)),
    create: (object) => add(maker.create(object)),
    update: (object) => add(maker.update(object)),
    destroy: (id) => void add(maker.destroy(id)),
  });
  isOver = true;
  if (!(result instanceof Promise)) return operations;
  result.catch(() => undefined); // its error is less to the point than the one that follows
  throw new SyncError("invalid_payload", "a transaction's function must not be async");
}
