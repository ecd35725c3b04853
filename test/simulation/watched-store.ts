import type { Store } from "../../server/stores/store.ts";
import type { OnKept } from "./remote-store.ts";

/** A store of the product, seen from outside. */
export function watched(store: Store, onKept: OnKept): Store {
  let epoch = "";
  return {
    capabilities: store.capabilities,
    load: (world, newEpoch) => {
      epoch = newEpoch;
      return store.load(world, newEpoch);
    },
    commit: (world, batch) => {
      const result = store.commit(world, batch);
      onKept(epoch, batch, batch.objects());
      return result;
    },
    close: () => store.close(),
  };
}
