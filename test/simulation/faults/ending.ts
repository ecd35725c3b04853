import { fault, type Fault } from "./fault.ts";

/** How what lives in memory alone can fail to end with its server, or can take something with it. */
export const ENDING: readonly Fault[] = [
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
  {
    ...fault(
      "a store has a decision and lacks an ephemeral one before it",
      "server/ledger.ts",
      "let n = Math.max(client.kept, client.settled) + 1;",
      "let n = client.last;",
      "ephemeral",
      "durable",
      "crashes",
    ),
    from: 82,
  },
  {
    ...fault(
      "what a client has created stays when it is gone",
      "server/session-objects.ts",
      "if (this.#isClosed || !this.#byCreator.has(clientId)) return;",
      "return;",
      "sessions",
    ),
    from: 232,
  },
];
