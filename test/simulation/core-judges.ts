import type { ConflictOracle } from "./conflict-oracle.ts";
import type { CoreListener } from "./core-watch.ts";
import type { OutboxWatch } from "./outbox-watch.ts";
import type { ServerOracle } from "./server-oracle.ts";
import type { StrictOracle } from "./strict-oracle.ts";
import { tokensOf } from "./token.ts";

interface Judges {
  readonly conflicts: ConflictOracle | undefined;
  readonly outboxes: OutboxWatch;
  readonly strict: StrictOracle | undefined;
  readonly oracle: ServerOracle;
}

/** What the core does, for all who judge it. */
export function heardBy({ conflicts, outboxes, strict, oracle }: Judges): CoreListener {
  return {
    committing: (world) => strict?.committing(world),
    committed: (world, commit) => {
      conflicts?.committed(world, commit);
      strict?.committed(commit);
    },
    letThrough: (clientId, n) => strict?.letThrough(clientId, n),
    undone: (world) => conflicts?.undone(world),
    decided: (ledger, decision) => {
      strict?.decided(ledger, decision);
      conflicts?.decided(ledger, decision);
      const { clientId, n, outcome } = decision;
      if (outcome.kind === "accepted" || outcome.error.code === "conflict") return;
      for (const { operations } of conflicts?.sentAs(clientId, n) ?? []) {
        for (const token of tokensOf(operations)) oracle.refused.add(token);
      }
    },
    lookedUp: (ledger, clientId) => strict?.lookedUp(ledger, clientId),
    added: (outbox, write) => outboxes.added(outbox, write),
    held: (outbox, write) => outboxes.held(outbox, write),
    outdated: (outbox, later, writes) => outboxes.outdated(outbox, later, writes),
    taken: (_outbox, write) => outboxes.taken(write),
    discarded: (outbox, writes) => outboxes.discarded(outbox, writes),
    sent: (outbox) => outboxes.sent(outbox),
    squashing: (outbox) => outboxes.squashing(outbox),
    squashed: (outbox, squashed) => outboxes.squashed(outbox, squashed),
  };
}
