import { closeOnSignals, ObjectSyncServer, type Store } from "../../server/index.ts";

/**
 * A server as its own process that cannot finish: a handler never answers, and with STUCK set to
 * "store" its store never closes either. Says "port N" once it listens.
 */
const { STUCK, CLOSE_TIMEOUT_MS = "600000" } = process.env;

const store: Store = {
  capabilities: { durable: false },
  load: (_world, epoch) => ({
    ...{ epoch, term: 1, seq: 0, horizon: 0, nextHandle: 1, ledgerHorizon: 0, schemaVersion: 1 },
    objects: [],
    decided: [],
  }),
  commit: () => undefined,
  close: () => new Promise(() => undefined),
};
const sync = new ObjectSyncServer({
  open: true,
  handlers: { create: () => new Promise(() => undefined) },
  limits: { handlerTimeoutMs: 600_000, drainTimeoutMs: STUCK === "store" ? 1 : 600_000 },
  ...(STUCK === "store" && { store }),
});
closeOnSignals(sync, { timeoutMs: Number(CLOSE_TIMEOUT_MS) });
sync.create({ id: "never" }).catch(() => undefined);
console.log(`port ${await sync.listen(Number(process.env["PORT"] ?? 0))}`);
