import { fault, type Fault } from "./fault.ts";

/** How two can have one lease, a former one write by it, or somebody wait for it in vain. */
export const LEASING: readonly Fault[] = [
  fault(
    "fences begin anew with each server",
    "server/plugins/leases/lease-keeper.ts",
    "    this.#lastTicket = ticketOf(this.#world.get(COUNTER_ID));\n",
    "",
    "leases",
    "durable",
  ),
  fault(
    "a write by a lease does not name it",
    "client/plugins/leases/leases.ts",
    "      tx.update({ id, fence: this.fence });\n",
    "      void id;\n",
    "leases",
  ),
  {
    ...fault(
      "a lease is handed on before the store has it that the former one is over",
      "server/plugins/leases/lease-keeper.ts",
      "if (object === undefined) return undefined;",
      "if (object === undefined) continue;",
      "leases",
      "durable",
    ),
    from: 2721,
  },
  {
    ...fault(
      "who says that it lives is not heard",
      "server/plugins/leases/guard.ts",
      "    this.#requests.renew(id);\n",
      "",
      "leases",
    ),
    from: 96,
  },
  {
    ...fault(
      "time in which the server stood still counts",
      "server/plugins/leases/awake-clock.ts",
      "return Math.min(this.#time.now() - this.#tickedAt, TICK_MAX_MS);",
      "return this.#time.now() - this.#tickedAt;",
      "halts",
    ),
    from: 122,
  },
  fault(
    "who asks last has the lease",
    "server/plugins/leases/requests.ts",
    "return [...(this.#byName.get(name) ?? [])];",
    "return [...(this.#byName.get(name) ?? [])].reverse();",
    "leases",
  ),
  {
    ...fault(
      "a server that starts does not know in which order was asked",
      "server/plugins/leases/lease-keeper.ts",
      "    requests.sort((a, b) => (a.ticket ?? Infinity) - (b.ticket ?? Infinity));\n",
      "",
      "leases",
      "durable",
    ),
    from: 96,
  },
  {
    ...fault(
      "who is heard of at the last moment is taken for dead",
      "server/plugins/leases/lease-keeper.ts",
      'if (this.requests.restMs(id) > 0) throw new SyncError("refused", "it was renewed", { id });',
      "void id;",
      "leases",
      "late",
    ),
    from: 3390,
  },
  fault(
    "the dead have their leases for good",
    "server/plugins/leases/lease-keeper.ts",
    "for (const id of this.requests.overdue()) void this.#expire(id);",
    "",
    "leases",
  ),
  {
    ...fault(
      "who is cut off is certain of its lease for good",
      "client/plugins/leases/lease-request.ts",
      "return this.#now() - this.#confirmedAt < this.#asked.ttlMs;",
      "return true;",
      "leases",
    ),
    from: 234,
  },
  {
    ...fault(
      "who was heard of is certain of its lease from when it heard so",
      "client/plugins/leases/lease-request.ts",
      "        this.#confirmedAt = sentAt;\n",
      "        this.#confirmedAt = this.#now() + 0 * sentAt;\n",
      "leases",
    ),
    from: 159,
  },
  fault(
    "who has asked when the server ended is refused for good",
    "server/plugins/leases/guard.ts",
    "    if (owner === undefined) throw lost(id); // nobody knows any more whose it was\n",
    "",
    "leases",
    "durable",
  ),
  {
    ...fault(
      "a wait is over before its time",
      "server/plugins/leases/awake-clock.ts",
      "return this.#awakeMs + this.#sinceTick();",
      "return this.#awakeMs;",
      "waits",
    ),
    from: 96,
  },
  {
    ...fault(
      "who has lost its place while it was cut off is taken for one who is shown nothing",
      "client/plugins/leases/lease-request.ts",
      "this.#fail(this.#isFresh ? unseen() : lost(this.#asked.name));",
      "this.#fail(unseen());",
      "leases",
    ),
    from: 1827,
  },
  {
    ...fault(
      "who has waited for long enough may have it all the same",
      "server/plugins/leases/lease-keeper.ts",
      "if (request.refusedMs !== undefined || owner === undefined) continue;",
      "if (owner === undefined) continue;",
      "waits",
    ),
    from: 122,
  },
  {
    ...fault(
      "whose name a server takes for another's says no more that it lives",
      "client/plugins/leases/lease-request.ts",
      'if (error.retryable || error.code === "conflict") return;',
      "if (error.retryable) return;",
      "leases",
      "conflicts",
    ),
    from: 200032,
  },
];
