import { fault, type Fault } from "./fault.ts";

/** How what outlives a client, or is forgotten by its server, can be lost or done twice. */
export const OUTLIVING: readonly Fault[] = [
  {
    ...fault(
      "a write is said to be stored before it is",
      "client/keeping/box-keeper.ts",
      "    const problem = await this.#write(cut).then(",
      "    this.#listener.kept(cut.writes, true, cut.localVersion);\n    const problem = await this.#write(cut).then(",
      "device",
    ),
    from: 28,
  },
  {
    ...fault(
      "a write that is about to be sent is kept as one that was not",
      "client/keeping/box-keeper.ts",
      "writeToText(write, write.wasSent || isSent)",
      "writeToText(write, write.wasSent)",
      "device",
    ),
    from: 343,
  },
  {
    ...fault(
      "the cursor is kept without the objects of a time when the storage failed",
      "client/keeping/box-keeper.ts",
      "    for (const id of cut.ids) this.#ids.add(id);\n",
      "",
      "fullDevice",
    ),
    from: 56,
  },
  {
    ...fault(
      "the server is told that an outcome is known before that is kept",
      "client/sender.ts",
      "Math.min(outbox.settled, kept.settled)",
      "outbox.settled",
      "slowDevice",
    ),
    from: 491,
  },
  {
    ...fault(
      "a write comes out of the storage with its properties in another order",
      "client/keeping/kept-text.ts",
      "names: Object.keys(changes) }",
      "names: Object.keys(changes).sort() }",
      "device",
    ),
    from: 367,
  },
  fault(
    "two tabs go on with the same outbox",
    "client/keeping/persist.ts",
    "    const unlock = await storage.lock(key);\n",
    "    const unlock = (await storage.lock(key)) ?? ((): void => undefined);\n",
    "tabs",
  ),
  {
    ...fault(
      "what another client may have sent is sent under one's own name",
      "client/keeping/persist.ts",
      "({ wasSent, isLocal }) => wasSent || isLocal",
      "({ isLocal }) => isLocal",
      "tabs",
    ),
    from: 165,
  },
  {
    ...fault(
      "an outbox that was left is taken and not finished",
      "client/succession.ts",
      "for (const keeper of opened?.orphans ?? []) this.#finish(keeper);",
      "",
      "tabs",
    ),
    from: 52,
  },
  {
    ...fault(
      "what was sent to a server that has forgotten it is sent again",
      "client/outbox.ts",
      "isForgotten && !isOtherLedger ? this.#writes.filter(({ wasSent }) => wasSent) : [];",
      "isForgotten && isOtherLedger ? this.#writes.filter(({ wasSent }) => wasSent) : [];",
      "forgetful",
    ),
    from: 57,
  },
  {
    ...fault(
      "numbers that a server has lost are given again",
      "client/outbox.ts",
      "isOtherLedger ? decided : Math.max(decided, settled)",
      "decided",
      "restores",
    ),
    from: 2427,
  },
  {
    ...fault(
      "a client begins where it likes",
      "server/ledger.ts",
      "settled < n ? settled : 0",
      "n - 1",
      "hostile",
      "crashes",
    ),
    from: 3117,
  },
  {
    ...fault(
      "to a server that has lost its writes a client says to know no more than what is kept",
      "client/sender.ts",
      "Math.max(outbox.unknown, Math.min(outbox.settled, kept.settled))",
      "Math.min(outbox.settled, kept.settled)",
      "forgetful",
      "fullDevice",
      "restores",
    ),
    from: 16101,
  },
  {
    ...fault(
      "a client is not told that it was forgotten",
      "server/reception.ts",
      "isForgotten: this.#host.hasForgotten(clientId, wasHere ? cursor.seq : 0),",
      "isForgotten: false,",
      "forgetful",
    ),
    from: 60,
  },
  {
    ...fault(
      "a client is told that it was forgotten while its writes are under way",
      "server/world-host.ts",
      " && !this.#writersUnderWay().has(clientId)",
      "",
      "forgetful",
      "handlers",
    ),
    from: 3805,
  },
  fault(
    "a client is forgotten while it writes",
    "server/ledger.ts",
    "      if (this.#unkept.has(clientId) || isInUse(clientId)) {",
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
  {
    ...fault(
      "who goes on without a storage tells so as often as anybody asks",
      "client/keeping/box-keeper.ts",
      "if (this.#isBehind()) this.#goOn();",
      "this.#goOn();",
      "fullDevice",
    ),
    from: 329,
  },
];
