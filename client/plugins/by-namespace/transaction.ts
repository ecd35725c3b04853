import {
  SyncError,
  type Callback,
  type ModelTransaction,
  type ObjectSync,
  type ObjectSyncLike,
  type WriteHandle,
} from "../../index.ts";
import { idOf, isCallback, type Parts } from "./parts.ts";

/**
 * A write of objects of one client. Whose it is shows only as it is filled: so a transaction of each
 * client is opened, one in the other, and all but one stay empty.
 */
export function transactionOf<Models extends object>(
  parts: Parts<Models>,
): ObjectSyncLike<Models>["transaction"] {
  return (fill, callback) => {
    if (!isCallback(callback)) return parts.first.transaction(fill, callback);
    const open = new Map<ObjectSync<Models>, ModelTransaction<Models>>();
    let chosen: ObjectSync<Models> | undefined;
    const of = (id: unknown): ModelTransaction<Models> => {
      const client = parts.of(id);
      chosen ??= client;
      if (client === chosen) return open.get(client) as ModelTransaction<Models>;
      const message = "one write cannot be about objects of two clients";
      throw new SyncError("invalid_payload", message, { id: String(id) });
    };
    const steps: ModelTransaction<Models> = {
      save: (object) => of(idOf(object)).save(object),
      create: (object) => of(idOf(object)).create(object),
      update: (object) => of(idOf(object)).update(object),
      destroy: (id) => of(id).destroy(id),
    };
    const isChosen = (client: ObjectSync<Models>): boolean => client === (chosen ?? parts.first);
    const handles = new Map<ObjectSync<Models>, WriteHandle<undefined>>();
    let outcome: () => unknown;
    const enter = ([client, ...others]: readonly ObjectSync<Models>[]): void => {
      if (client === undefined) {
        outcome = outcomeOf(() => (fill as (tx: unknown) => unknown)(steps));
        return;
      }
      const filled = (transaction: ModelTransaction<Models>): unknown => {
        open.set(client, transaction);
        enter(others);
        return isChosen(client) ? outcome() : undefined;
      };
      const done: Callback<undefined> = (...args) => {
        if (isChosen(client)) callback?.(...args);
      };
      handles.set(client, client.transaction(filled, done));
    };
    enter(parts.all);
    return handles.get(chosen ?? parts.first) as WriteHandle<undefined>;
  };
}

/** What a call comes to, to be had later: what it returns, or throws. */
function outcomeOf(call: () => unknown): () => unknown {
  try {
    const returned = call();
    return () => returned;
  } catch (error) {
    return () => {
      throw error;
    };
  }
}
