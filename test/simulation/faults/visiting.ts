import { fault, type Fault } from "./fault.ts";

/** How clients that are not live can push what they may not, show what they have not, or lose a write. */
export const VISITING: readonly Fault[] = [
  {
    ...fault(
      "who comes to push is let in whatever it lacks",
      "server/strict-pushes.ts",
      "    if (this.#lacksAnything(pusher, known)) throw outOfDate();\n",
      "",
      "pushed",
    ),
    from: 4151,
  },
  {
    ...fault(
      "who is pushing goes on when others have written",
      "server/examiner.ts",
      "if (!strictPushes.isRefused(session)) return true;",
      "return true;",
      "pushed",
    ),
    from: 26,
  },
  {
    ...fault(
      "what others have destroyed need not be pulled",
      "server/strict-pushes.ts",
      "if (created <= known) return true;",
      "",
      "pushed",
    ),
    from: 166,
  },
  {
    ...fault(
      "who is pushing passes for knowing what took the place of commits that were taken back",
      "server/commit-section.ts",
      "    strictPushes.takenBack();\n",
      "",
      "pushed",
      "refusals",
    ),
    isSought: true,
  },
  {
    ...fault(
      "what comes into sight because something hidden has changed need not be pulled",
      "server/strict-pushes.ts",
      "    const before = this.#formers.before(entry, known);\n",
      "    const before = undefined;\n",
      "pushed",
      "hiddenDeciders",
    ),
    from: 10444,
  },
  fault(
    "who is out of date is not told",
    "server/examiner.ts",
    "    sessions.dismiss(client.clientId, outOfDate(), false);\n",
    "    void outOfDate;\n",
    "pushed",
  ),
  fault(
    "a pull is over before all of it is there",
    "client/explicit/visits.ts",
    'else if (state === "synced") this.#arrived(visit);',
    "else this.#arrived(visit);",
    "explicit",
  ),
  fault(
    "a pull sends what was written",
    "client/sender.ts",
    'if (mode === "pull") return false;',
    "",
    "explicit",
  ),
  fault(
    "who has got what it came for stays",
    "client/explicit/visits.ts",
    "    this.#visitor.disconnect();\n    visit.settle(",
    "    visit.settle(",
    "explicit",
  ),
  fault(
    "a sync is over before its writes are decided",
    "client/explicit/visits.ts",
    "if (!this.#visitor.isBusy) this.#leave(visit);",
    "this.#leave(visit);",
    "explicit",
  ),
  {
    ...fault(
      "a sync is over as soon as the first takes part in it who has something to finish",
      "client/explicit/visits.ts",
      " || this.#isGoing) return;",
      ") return;",
      "explicit",
      "tabs",
    ),
    from: 917,
  },
  {
    ...fault(
      "a pull waits for ever when what was fetched is answered early",
      "client/reception.ts",
      "    if (answered.length > 0) this.#state.progressed({}); // a visit may have waited for it\n",
      "",
      "explicit",
    ),
    from: 31,
  },
  fault(
    "of writes that were made one, the first is told what became of them",
    "client/explicit/squashing.ts",
    "for (const write of former) write.settle(error, ids);",
    "former[0]?.settle(error, ids);",
    "explicit",
  ),
  {
    ...fault(
      "what was given up keeps its name at the server",
      "client/follower.ts",
      "if (undecided.some(({ wasSent }) => wasSent))",
      "if (undecided.length < 0)",
      "repaired",
      "handlers",
    ),
    from: 1546,
  },
  fault(
    "of writes that were made one, the older value holds",
    "lib/squash.ts",
    "{ ...before.changes, ...operation.changes }",
    "{ ...operation.changes, ...before.changes }",
    "explicit",
  ),
  fault(
    "what is refused as taken swallows what follows",
    "lib/squash.ts",
    "(isThere.get(id) ?? mayBeThere(id))",
    "isThere.get(id) === true",
    "explicit",
  ),
  {
    ...fault(
      "what was made one is kept behind what was written after it",
      "client/keeping/box-keeper.ts",
      "    this.#putInOrder(outbox.numbered);\n",
      "",
      "explicit",
      "device",
    ),
    from: 222,
  },
  {
    ...fault(
      "a write of a connection that is over ends the one that has taken its place",
      "server/commit-section.ts",
      "if (examiner.sessionOf(job.writer) !== undefined) sessions.dismiss(clientId, problem);",
      "sessions.dismiss(clientId, problem);",
      "explicit",
      "handlers",
    ),
    from: 1546,
  },
  {
    ...fault(
      "who takes up what was made one does not know what was there before the first of it",
      "client/explicit/squashing.ts",
      "const parts = former.map(({ base }) => base?.[0]).reverse();",
      "const parts = former.map(({ base }) => base?.[0]);",
      "explicit",
      "resolved",
    ),
    from: 289,
  },
];
