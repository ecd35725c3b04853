import { fault, type Fault } from "./fault.ts";

/** How a disk, a second server on the same store, or a backup can undo what was promised. */
export const STORING: readonly Fault[] = [
  fault(
    "a batch is acknowledged before it is synced",
    "test/simulation/journal-store.ts",
    "      this.#drive.sync(this.#file);\n",
    "",
    "powerLoss",
  ),
  fault(
    "a sync that failed is taken for done",
    "test/simulation/journal-store.ts",
    'await this.#keepWritingAnew();\n      throw new SyncError("unavailable", "the batch could not be synced", { cause });',
    "void cause;",
    "failedSyncs",
    "powerLoss",
  ),
  fault(
    "a sync that failed is tried again",
    "test/simulation/journal-store.ts",
    'await this.#keepWritingAnew();\n      throw new SyncError("unavailable", "the batch could not be synced", { cause });',
    "await this.#pause();\n      void cause;\n      this.#drive.sync(this.#file);",
    "failedSyncs",
    "powerLoss",
  ),
  fault(
    "a batch whose sync failed is refused, and left where the next server finds it",
    "test/simulation/journal-store.ts",
    'await this.#keepWritingAnew();\n      throw new SyncError("unavailable", "the batch could not be synced", { cause });',
    'throw new SyncError("unavailable", "the batch could not be synced", { cause });',
    "failedSyncs",
  ),
  {
    ...fault(
      "a batch that is there in part is taken for whole",
      "test/simulation/journal-codec.ts",
      "  return entries;\n",
      "  if (head !== undefined && objects.length > 0) entries.push({ ...head, objects, decided });\n  return entries;\n",
      "powerLoss",
    ),
    from: 193,
  },
  fault(
    "what is read after a crash is taken for what was written",
    "test/simulation/journal-codec.ts",
    "    if (checksum !== bytes.readUInt32LE(offset + 4)) return;\n",
    "",
    "powerLoss",
  ),
  fault(
    "a journal goes on behind what a full disk took in part",
    "test/simulation/journal-store.ts",
    "this.#drive.truncate(this.#file, this.#length); // what is written next must follow on this",
    "",
    "fullDrive",
  ),
  {
    ...fault(
      "a journal that was written anew takes its place before it is synced",
      "test/simulation/journal-store.ts",
      "    drive.sync(file);\n",
      "",
      "powerLoss",
    ),
    from: 1607,
  },
  fault(
    "a journal that was written anew may lose its name",
    "test/simulation/journal-store.ts",
    "this.#name);\n    drive.syncNames();",
    "this.#name);",
    "powerLoss",
  ),
  {
    ...fault(
      "a journal does not notice that another server has opened it",
      "test/simulation/journal-store.ts",
      "if (this.#terms()[0] !== this.#term) throw deposed();",
      "",
      "takeovers",
    ),
    from: 79,
  },
  {
    ...fault(
      "a database lets a deposed server commit",
      "test/simulation/remote-store.ts",
      "term !== this.#term || ",
      "",
      "takeovers",
    ),
    from: 37,
  },
  {
    ...fault(
      "a deposed server goes on as if its store had refused one batch",
      "server/write-turns.ts",
      'failure?.cause instanceof SyncError && failure.cause.code === "deposed"',
      "failure === null",
      "takeovers",
    ),
    from: 37,
  },
  {
    ...fault(
      "a deposed server does not tell its clients to go",
      "server/world-host.ts",
      "    this.sessions.goodbyeAll(closing());\n    this.#options.onError(error);",
      "    this.#options.onError(error);",
      "takeovers",
    ),
    from: 68,
  },
  {
    ...fault(
      "a deposed server is silent about it",
      "server/world-host.ts",
      "    this.sessions.goodbyeAll(closing());\n    this.#options.onError(error);",
      "    this.sessions.goodbyeAll(closing());",
      "takeovers",
    ),
    from: 37,
  },
  {
    ...fault(
      "a backup goes on under the epoch that it was taken from",
      "test/simulation/journal-store.ts",
      "const isRestored = this.#drive.open(this.#mark) !== undefined;",
      "const isRestored = false;",
      "restores",
    ),
    from: 475,
  },
  {
    ...fault(
      "a client takes the ledger of a backup for a new one",
      "client/outbox.ts",
      "ledgerOf(epoch) !== ledgerOf(this.#epoch)",
      "epoch !== this.#epoch",
      "restores",
    ),
    from: 430,
  },
];
