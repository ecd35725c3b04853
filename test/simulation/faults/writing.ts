import { fault, type Fault } from "./fault.ts";

/** How the write path can fail to be exactly once, in order, and kept before it is told. */
export const WRITING: readonly Fault[] = [
  fault(
    "a write is acknowledged before the store has it",
    "server/write-turns.ts",
    "    this.#storing = decisions;\n    void storing",
    "    this.#finish(decisions, undefined);\n    return;\n    void storing",
    "durable",
  ),
  {
    ...fault(
      "a store that is late is given up on, although it may have kept the batch",
      "server/store-batch.ts",
      "return Promise.resolve(storing)",
      "const late = new Promise((_, reject) => scheduler.after(patienceMs, () => reject(new Error())));\n  return Promise.race([storing, late])",
      "late",
    ),
    from: 71,
  },
  fault(
    "what handlers have answered is not checked",
    "server/commit-section.ts",
    "checks.run(job.operations, name, job.writer,",
    "checks.run(job.isConsulted === true ? [] : job.operations, name, job.writer,",
    "handlers",
  ),
  fault(
    "a check is not told of the earlier steps of a write",
    "lib/change-check.ts",
    "states.has(id) ? states.get(id) : (read(id) as State)",
    "read(id) as State",
  ),
  {
    ...fault(
      "a retry is decided again",
      "server/ledger.ts",
      "if (n === next) return undefined;",
      "if (n <= next) return undefined;",
    ),
    from: 5,
  },
  {
    ...fault(
      "a store may drop decisions that their client does not know",
      "server/store-batch.ts",
      "settled.set(job.client.clientId, job.client.settled);",
      "settled.set(job.client.clientId, job.client.n);",
      "durable",
      "crashes",
    ),
    from: 82,
  },
  {
    ...fault(
      "a gap in a client's numbers is accepted",
      "server/ledger.ts",
      "if (n === next) return undefined;",
      "if (n >= next) return undefined;",
      "hostile",
      "crashes",
    ),
    from: 501,
  },
  fault(
    "a refused batch stays in the world",
    "server/commit-section.ts",
    "if (commit !== undefined) world.undo(commit);",
    "void commit;",
    "refusals",
  ),
  {
    ...fault(
      "the decisions of a refused batch are forgotten",
      "server/keeper.ts",
      "if (failure !== undefined) return failure;",
      "if (failure !== undefined) {\n        this.#ledger.noteKept();\n        return failure;\n      }",
      "refusals",
      "crashes",
    ),
    from: 794,
  },
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
  {
    ...fault(
      "a write that is out of order holds its objects for good",
      "server/commit-section.ts",
      "sessions.dismiss(clientId, problem);\n      return dropped(job);",
      "sessions.dismiss(clientId, problem);\n      return undefined;",
      "hostile",
      "handlers",
    ),
    from: 1304,
  },
  {
    ...fault(
      "a handler is asked again about a retry",
      "server/intake.ts",
      "isTaken && this.#isNext(job)",
      "isTaken",
      "handlers",
    ),
    from: 105,
  },
];
