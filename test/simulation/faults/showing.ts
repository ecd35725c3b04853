import { fault, type Fault } from "./fault.ts";

/** How a client can fail to show what it was told, or to tell its application. */
export const SHOWING: readonly Fault[] = [
  fault(
    "a decided write stays visible",
    "lib/replica.ts",
    'else slot.writes = undefined;\n        affected.set(slot, "news");',
    "else slot.writes = undefined;",
  ),
  fault(
    "a closed client goes on to show what was not decided",
    "client/follower.ts",
    "    news.changed(replica.drop(undecided));\n    for",
    "    for",
  ),
  fault(
    "a snapshot keeps objects that it does not mention",
    "lib/replica.ts",
    'this.#setConfirmed(slot, null, "old", affected, events);',
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
    "client/reception.ts",
    "    const events = replica.integrate({",
    `    if (!isReplacing) for (const change of changes) news.listener.changed(replica.integrate({
      epoch: welcome.epoch, to, isReplacing, changes: [change], firstNewHandle: welcome.nextHandle,
      decided: [], renamed: new Map(),
    }));
    const events = replica.integrate({`,
  ),
  fault(
    "undecided writes are dropped with the epoch",
    "client/outbox.ts",
    "    this.#nextNumber = last + 1;\n",
    "    this.#writes = [];\n    this.#nextNumber = last + 1;\n",
  ),
  {
    ...fault(
      "undecided writes keep an id that the server has replaced",
      "client/settling.ts",
      "const moved = outbox.rename(renamed);",
      "const moved: Write[] = [];",
      "handlers",
    ),
    from: 35,
  },
  fault(
    "a rejected write settles twice",
    "client/follower-state.ts",
    "      write.settle(error, []);",
    "      write.settle(error, []);\n      write.settle(error, []);",
  ),
  {
    ...fault(
      "what an abandoned link still brings is heard",
      "client/server-link.ts",
      "if (!this.#isEnded) this.#receive(bytes);",
      "this.#receive(bytes);",
      "sloppy",
    ),
    from: 21,
  },
  fault(
    "a message that came again is taken for a new one",
    "client/server-link.ts",
    "if (from > this.#position || to < this.#position) {",
    "if (from > this.#position) {",
    "hostile",
  ),
  {
    ...fault(
      "a client that lost its connection does not come back",
      "client/connection.ts",
      'lost: go("waiting", "drop", "wait"),',
      'lost: go("waiting", "drop"),',
    ),
    from: 7,
  },
];
