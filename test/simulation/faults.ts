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

export const FAULTS: readonly Fault[] = [...WRITING, ...ENDING, ...READING, ...SHOWING];
