import type { Patch } from "../../tools/bundle-simulation.mjs";
import type { Need } from "./scenario.ts";

/** A deliberate fault in the code. The simulation must notice each. */
export interface Fault {
  readonly name: string;
  /** Without these, the code that is broken does not even run. */
  readonly needs?: readonly Need[];
  readonly patches: readonly Patch[];
}

const fault = (
  name: string,
  file: string,
  find: string,
  replace: string,
  ...needs: Need[]
): Fault => ({ name, needs, patches: [{ file, find, replace }] });

/** How the write path can fail to be exactly once, in order, and kept before it is told. */
const WRITING: readonly Fault[] = [
  fault(
    "a write is acknowledged before the store has it",
    "server/world-host.ts",
    "    this.#storing = decisions;\n    void storing",
    "    this.#finish(decisions, undefined);\n    return;\n    void storing",
    "durable",
  ),
  fault(
    "a store that is late is given up on, although it may have kept the batch",
    "server/store-batch.ts",
    "return Promise.resolve(storing)",
    "const late = new Promise((_, reject) => scheduler.after(patienceMs, () => reject(new Error())));\n  return Promise.race([storing, late])",
    "late",
  ),
  fault(
    "a retry is decided again",
    "server/ledger.ts",
    "if (n === last + 1) return undefined;",
    "if (n <= last + 1) return undefined;",
  ),
  fault(
    "a store may drop decisions that their client does not know",
    "server/store-batch.ts",
    "settled.set(job.client.clientId, job.client.settled);",
    "settled.set(job.client.clientId, job.client.n);",
    "durable",
    "crashes",
  ),
  fault(
    "a gap in a client's numbers is accepted",
    "server/ledger.ts",
    "if (n === last + 1) return undefined;",
    "if (n > last) return undefined;",
    "hostile",
    "crashes",
  ),
  fault(
    "a refused batch stays in the world",
    "server/world-host.ts",
    "if (commit !== undefined) this.world.undo(commit);",
    "void commit;",
    "refusals",
  ),
  fault(
    "the decisions of a refused batch are forgotten",
    "server/keeper.ts",
    "if (failure !== undefined) return failure;",
    "if (failure !== undefined) {\n        this.#ledger.noteKept();\n        return failure;\n      }",
    "refusals",
    "crashes",
  ),
  fault(
    "a commit that is taken back leaves its objects among the newest",
    "lib/world.ts",
    "this.#recency.insertAfter(entry, older);",
    "this.#recency.append(entry);",
    "refusals",
  ),
  fault(
    "a rejected write leaves behind what it did before it failed",
    "lib/world.ts",
    "      this.#revert(applied);\n      throw error;",
    "      throw error;",
  ),
  fault(
    "a write that is out of order holds its objects for good",
    "server/world-host.ts",
    "// it comes back, and starts at the right number\n      job.drop?.();",
    "",
    "hostile",
    "handlers",
  ),
  fault(
    "a handler is asked again about a retry",
    "server/world-host.ts",
    "if (job.problem === undefined && this.#isNext(job)) {",
    "if (job.problem === undefined) {",
    "handlers",
  ),
];

/** How what lives in memory alone can fail to end with its server, or can take something with it. */
const ENDING: readonly Fault[] = [
  fault(
    "a server goes beyond the numbers that are reserved for it",
    "server/keeper.ts",
    "      this.#isOutrun() ||\n",
    "",
    "ephemeral",
    "durable",
    "crashes",
  ),
  fault(
    "an ephemeral object reaches the store",
    "server/keeper.ts",
    "(id) => !lifetimes.isEphemeral(id)",
    "() => true",
    "ephemeral",
  ),
  fault(
    "who comes back after a crash keeps the ephemeral objects that ended with it",
    "lib/world.ts",
    "if (record.seq > newest) this.#endUnrecorded(now);",
    "",
    "ephemeral",
    "durable",
    "crashes",
  ),
  fault(
    "who comes back after a crash is not told of ephemeral objects when there were too many",
    "lib/world.ts",
    "      this.#horizon = this.#seq;\n      return;",
    "      return;",
    "ephemeral",
    "durable",
    "crashes",
  ),
  fault(
    "a store has a decision and lacks an ephemeral one before it",
    "server/ledger.ts",
    "let n = Math.max(client.kept, client.settled) + 1;",
    "let n = client.last;",
    "ephemeral",
    "durable",
    "crashes",
  ),
  fault(
    "a flush that waits for the store is forgotten when there was nothing to keep",
    "server/world-host.ts",
    "decisions.length > 0 || this.#flusher.isLate",
    "decisions.length > 0",
    "ephemeral",
    "durable",
  ),
  fault(
    "what a client has created stays when it is gone",
    "server/session-objects.ts",
    "if (this.#isClosed || !this.#byCreator.has(clientId)) return;",
    "return;",
    "sessions",
  ),
];

/** How what is sent can fail to add up to the state. */
const READING: readonly Fault[] = [
  fault(
    "outcomes ride on pages that are not whole",
    "server/session.ts",
    "const outcomes = isWhole ? (this.#outcomes ?? this.#recorded()) : [];",
    "const outcomes = this.#outcomes ?? this.#recorded();",
  ),
  fault(
    "who comes back is not told what was decided meanwhile",
    "server/session.ts",
    "(this.#outcomes ?? this.#recorded())",
    "(this.#outcomes ?? [])",
  ),
  fault(
    "destroyed objects are left out",
    "lib/entry.ts",
    'return this.created > seenMax ? undefined : { kind: "destroy", handle, silent };',
    "return undefined;",
  ),
  fault(
    "a flush does not tell of objects that only some have seen",
    "server/flusher.ts",
    "{ silent: this.#silent, seenMax: this.#world.seq }",
    "{ silent: this.#silent }",
  ),
  fault(
    "a page ends in the middle of a commit",
    "lib/world.ts",
    "if (bytes >= bytesMax && entry.revision !== to) {",
    "if (bytes >= bytesMax) {",
  ),
  fault(
    "a later page takes objects for known that changed since they were created",
    "lib/entry.ts",
    "if (this.created > base || this.forgotten > base) {",
    "if (this.created > seenMax || this.forgotten > base) {",
  ),
  fault(
    "removed properties are forgotten without a trace",
    "lib/entry.ts",
    "if (this.created > base || this.forgotten > base) {",
    "if (this.created > base) {",
  ),
  fault(
    "a client from before the horizon resumes",
    "lib/world.ts",
    "cursor.seq >= this.#horizon && ",
    "",
  ),
  fault(
    "a client of another epoch resumes",
    "lib/world.ts",
    "cursor.epoch === this.epoch && ",
    "",
    "crashes",
  ),
  fault(
    "pages go on although tombstones were forgotten since the first",
    "server/session.ts",
    'if (lack.startedAt < world.horizon) return "lost";',
    "",
  ),
  fault(
    "a client that reads too slowly is sent everything",
    "server/session.ts",
    "if (this.link.waitingBytes + delta.bytes.length > this.#limits.waitingBytesMax) {",
    "if (this.link.waitingBytes < 0) {",
  ),
];

/** How a client can fail to show what it was told, or to tell its application. */
const SHOWING: readonly Fault[] = [
  fault(
    "a decided write stays visible",
    "lib/replica.ts",
    "else slot.writes = undefined;\n        affected.set(slot, NEWS);",
    "else slot.writes = undefined;",
  ),
  fault(
    "a closed client goes on to show what was not decided",
    "client/follower.ts",
    "this.#addChanges(this.#replica.drop(undecided));",
    "",
  ),
  fault(
    "a snapshot keeps objects that it does not mention",
    "lib/replica.ts",
    "if (!kept.has(slot.id)) this.#setConfirmed(slot, null, OLD, affected, events);",
    "",
  ),
  fault(
    "half of a write that would be refused is shown",
    "lib/fold.ts",
    "for (const [id, state] of undo.reverse()) states.set(id, state);",
    "void undo;",
  ),
  fault(
    "events come before the whole step is applied",
    "client/follower.ts",
    "    const events = this.#replica.integrate({",
    `    if (!isReplacing) for (const change of changes) this.#listener.changed(this.#replica.integrate({
      epoch: welcome.epoch, to, isReplacing, changes: [change], firstNewHandle: welcome.nextHandle,
      decided: [], renamed: new Map(),
    }));
    const events = this.#replica.integrate({`,
  ),
  fault(
    "undecided writes are dropped with the epoch",
    "client/outbox.ts",
    "    this.#nextNumber = decided + 1;\n",
    "    this.#writes = [];\n    this.#nextNumber = decided + 1;\n",
  ),
  fault(
    "undecided writes keep an id that the server has replaced",
    "client/follower.ts",
    "    this.#outbox.rename(renamed);\n",
    "",
    "handlers",
  ),
  fault(
    "a rejected write settles twice",
    "client/follower.ts",
    "      write.settle(error, []);",
    "      write.settle(error, []);\n      write.settle(error, []);",
  ),
  fault(
    "what an abandoned link still brings is heard",
    "client/server-link.ts",
    "if (!this.#isEnded) this.#receive(bytes);",
    "this.#receive(bytes);",
    "sloppy",
  ),
  fault(
    "a message that came again is taken for a new one",
    "client/server-link.ts",
    "if (from > this.#position || to < this.#position) {",
    "if (from > this.#position) {",
    "hostile",
  ),
  fault(
    "a client that lost its connection does not come back",
    "client/connection.ts",
    'lost: go("waiting", "drop", "wait"),',
    'lost: go("waiting", "drop"),',
  ),
];

/** How what outlives a client, or is forgotten by its server, can be lost or done twice. */
const OUTLIVING: readonly Fault[] = [
  fault(
    "a write is said to be stored before it is",
    "client/keeping/box-keeper.ts",
    "    const problem = await this.#write(cut).then(",
    "    this.#listener.kept(cut.writes, true);\n    const problem = await this.#write(cut).then(",
    "device",
  ),
  fault(
    "a write that is about to be sent is kept as one that was not",
    "client/keeping/box-keeper.ts",
    "writeToText(write, write.wasSent || isConnected)",
    "writeToText(write, write.wasSent)",
    "device",
  ),
  fault(
    "the cursor is kept without the objects of a time when the storage failed",
    "client/keeping/box-keeper.ts",
    "    for (const id of cut.ids) this.#ids.add(id);\n",
    "",
    "fullDevice",
  ),
  fault(
    "a client that gives its storage up goes on keeping meanwhile",
    "client/keeping/box-keeper.ts",
    "    else await this.#isNotIn(cut, problem);\n    this.#isWriting = false;\n",
    "    this.#isWriting = false;\n    if (problem !== undefined) await this.#isNotIn(cut, problem);\n",
    "fullDevice",
  ),
  fault(
    "the server is told that an outcome is known before that is kept",
    "client/follower.ts",
    "Math.min(this.#outbox.settled, this.#keeper?.settled ?? Infinity)",
    "this.#outbox.settled",
    "slowDevice",
  ),
  fault(
    "a write comes out of the storage with its properties in another order",
    "client/keeping/kept-text.ts",
    "names: Object.keys(changes) }",
    "names: Object.keys(changes).sort() }",
    "device",
  ),
  fault(
    "two tabs go on with the same outbox",
    "client/keeping/persist.ts",
    "    const unlock = await storage.lock(key);\n    if (unlock === undefined) continue;",
    "    const unlock = (await storage.lock(key)) ?? ((): void => undefined);",
    "tabs",
  ),
  fault(
    "what another client may have sent is sent under one's own name",
    "client/keeping/persist.ts",
    "  if (texts.some(([, text]) => writeFromText(text).wasSent)) return false;\n",
    "  void writeFromText;\n",
    "tabs",
  ),
  fault(
    "an outbox that was left is taken and not finished",
    "client/client.ts",
    "for (const keeper of opened?.orphans ?? []) this.#finish(keeper);",
    "",
    "tabs",
  ),
  fault(
    "what was sent to a server that has forgotten it is sent again",
    "client/outbox.ts",
    "isForgotten && !isOtherLedger ? this.#writes.filter(({ wasSent }) => wasSent) : [];",
    "isForgotten && isOtherLedger ? this.#writes.filter(({ wasSent }) => wasSent) : [];",
    "forgetful",
  ),
  fault(
    "a client is not told that it was forgotten",
    "server/reception.ts",
    "isForgotten: this.#host.hasForgotten(clientId, wasHere ? cursor.seq : 0),",
    "isForgotten: false,",
    "forgetful",
  ),
  fault(
    "a client is told that it was forgotten while its writes are under way",
    "server/world-host.ts",
    " && !this.#writersUnderWay().has(clientId)",
    "",
    "forgetful",
    "handlers",
  ),
  fault(
    "a client is forgotten while it writes",
    "server/ledger.ts",
    "      if (isInUse(clientId)) {",
    "      if (clientId === undefined) {",
    "forgetful",
  ),
  fault(
    "the ledger does not remember up to where it has forgotten",
    "server/ledger.ts",
    "ledgerHorizon = Math.max(ledgerHorizon, seq + 1);",
    "ledgerHorizon = Math.max(ledgerHorizon, seq);",
    "forgetful",
  ),
];

/** How a disk, a second server on the same store, or a backup can undo what was promised. */
const KEEPING: readonly Fault[] = [
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
  fault(
    "a batch that is there in part is taken for whole",
    "test/simulation/journal-codec.ts",
    "  return entries;\n",
    "  if (head !== undefined && objects.length > 0) entries.push({ ...head, objects, decided });\n  return entries;\n",
    "powerLoss",
  ),
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
  fault(
    "a journal that was written anew takes its place before it is synced",
    "test/simulation/journal-store.ts",
    "    drive.sync(file);\n",
    "",
    "powerLoss",
  ),
  fault(
    "a journal that was written anew may lose its name",
    "test/simulation/journal-store.ts",
    "this.#name);\n    drive.syncNames();",
    "this.#name);",
    "powerLoss",
  ),
  fault(
    "a journal does not notice that another server has opened it",
    "test/simulation/journal-store.ts",
    "if (this.#terms()[0] !== this.#term) throw deposed();",
    "",
    "takeovers",
  ),
  fault(
    "a database lets a deposed server commit",
    "test/simulation/remote-store.ts",
    "term !== this.#term || ",
    "",
    "takeovers",
  ),
  fault(
    "a deposed server goes on as if its store had refused one batch",
    "server/world-host.ts",
    'failure?.cause instanceof SyncError && failure.cause.code === "deposed"',
    "failure === null",
    "takeovers",
  ),
  fault(
    "a deposed server does not tell its clients to go",
    "server/world-host.ts",
    "    this.sessions.goodbyeAll(closing());\n    this.#options.onError(error);",
    "    this.#options.onError(error);",
    "takeovers",
  ),
  fault(
    "a deposed server is silent about it",
    "server/world-host.ts",
    "    this.sessions.goodbyeAll(closing());\n    this.#options.onError(error);",
    "    this.sessions.goodbyeAll(closing());",
    "takeovers",
  ),
  fault(
    "a backup goes on under the epoch that it was taken from",
    "test/simulation/journal-store.ts",
    "const isRestored = this.#drive.open(this.#mark) !== undefined;",
    "const isRestored = false;",
    "restores",
  ),
  fault(
    "a client takes the ledger of a backup for complete",
    "client/outbox.ts",
    "const isBehind = decided < this.settled;",
    "const isBehind = false;",
    "restores",
  ),
  fault(
    "a client takes the ledger of a backup for a new one",
    "client/outbox.ts",
    "ledgerOf(epoch) !== ledgerOf(this.#epoch)",
    "epoch !== this.#epoch",
    "restores",
  ),
];

export const FAULTS: readonly Fault[] = [
  ...WRITING,
  ...ENDING,
  ...READING,
  ...SHOWING,
  ...OUTLIVING,
  ...KEEPING,
];
