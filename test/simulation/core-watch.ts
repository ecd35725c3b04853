import type { Shortened } from "../../client/conflict-desk.ts";
import { Desk } from "../../client/conflicts/desk.ts";
import { explicit } from "../../client/explicit/index.ts";
import type { Outbox, Replacement, Write } from "../../client/outbox.ts";
import { Outbox as AnyOutbox } from "../../client/outbox.ts";
import type { DecidedMutation } from "../../server/stores/store.ts";
import { Examiner } from "../../server/examiner.ts";
import type { Job } from "../../server/job.ts";
import { Ledger } from "../../server/ledger.ts";
import { World, type Commit } from "../../lib/world.ts";

/** Who hears of what the core does at the moment when it does it, before anyone else can. */
export interface CoreListener {
  /** Something is about to be committed. */
  committing(world: World): void;
  committed(world: World, commit: Commit): void;
  undone(world: World): void;
  /** A write of a client that pushes strictly was let through: before handlers hear of it, if there are any. */
  letThrough(clientId: string, n: number): void;
  decided(ledger: object, decision: Pick<DecidedMutation, "clientId" | "n" | "outcome">): void;
  /** A server has looked up how far it has decided what a client has written. */
  lookedUp(ledger: object, clientId: string): void;
  /** A write was put into an outbox: `asked` is what it is made of. */
  added(outbox: Outbox, write: Write): void;
  /** A write waits for the application, which is to decide about a conflict. */
  held(outbox: Outbox, write: Write): void;
  /** A write was accepted, and there is less left of these, which wait. */
  outdated(outbox: Outbox, later: Write, writes: readonly Shortened[]): void;
  /** A write has waited, and waits no more. */
  taken(outbox: Outbox, write: Write): void;
  /** All that was undecided was given up. */
  discarded(outbox: Outbox, writes: readonly Write[]): void;
  /** Writes are on their way. */
  sent(outbox: Outbox): void;
  /** Writes are about to be made as few as they come to. */
  squashing(outbox: Outbox): void;
  squashed(outbox: Outbox, squashed: readonly Replacement[]): void;
}

let current: CoreListener | undefined;

/** Has one hear of it, and nobody else any more. */
export function listenToCore(listener: CoreListener | undefined): void {
  current = listener;
}

/**
 * The core tells of a commit when its store has it, and then of what it did, not of who asked for it;
 * and of writes that wait for a decision nobody is told. So what is called is heard here.
 */
function tellOf(
  prototype: object,
  name: string,
  tell: (listener: CoreListener, self: unknown, args: readonly unknown[], result: unknown) => void,
  announce?: (listener: CoreListener, self: unknown) => void,
): void {
  const method = Reflect.get(prototype, name) as (...args: readonly unknown[]) => unknown;
  const telling = function (this: unknown, ...args: readonly unknown[]): unknown {
    if (current !== undefined) announce?.(current, this);
    const result = method.apply(this, args as unknown[]);
    if (current !== undefined) tell(current, this, args, result);
    return result;
  };
  Object.defineProperty(prototype, name, { value: telling });
}

tellOf(
  World.prototype,
  "commit",
  (listener, world, _args, commit) => listener.committed(world as World, commit as Commit),
  (listener, world) => listener.committing(world as World),
);
tellOf(World.prototype, "undo", (listener, world, [commit]) => {
  if ((commit as Commit).applied.length > 0) listener.undone(world as World);
});
tellOf(Ledger.prototype, "record", (listener, ledger, [decision]) =>
  listener.decided(ledger as object, decision as DecidedMutation),
);
tellOf(AnyOutbox.prototype, "add", (listener, outbox, _args, write) =>
  listener.added(outbox as Outbox, write as Write),
);
tellOf(AnyOutbox.prototype, "hold", (listener, outbox, [write]) =>
  listener.held(outbox as Outbox, write as Write),
);
tellOf(Desk.prototype, "outdate", (listener, desk, [later], writes) =>
  listener.outdated((desk as Desk).outbox, later as Write, writes as readonly Shortened[]),
);
tellOf(AnyOutbox.prototype, "takeHeld", (listener, outbox, [write], isTaken) => {
  if (isTaken === true) listener.taken(outbox as Outbox, write as Write);
});
let isDiscarding = false;
tellOf(
  explicit,
  "discard",
  () => (isDiscarding = false),
  () => (isDiscarding = true),
);
tellOf(AnyOutbox.prototype, "takeAll", (listener, outbox, _args, writes) => {
  if (isDiscarding) listener.discarded(outbox as Outbox, writes as readonly Write[]);
});
tellOf(Ledger.prototype, "lastOf", (listener, ledger, [clientId]) =>
  listener.lookedUp(ledger as object, clientId as string),
);
tellOf(Examiner.prototype, "isUpToDate", (listener, _examiner, [job], isUpToDate) => {
  const { client } = job as Job;
  if (isUpToDate === true && client?.isStrict === true)
    listener.letThrough(client.clientId, client.n);
});
tellOf(AnyOutbox.prototype, "markSent", (listener, outbox, [count]) => {
  if ((count as number) > 0) listener.sent(outbox as Outbox);
});
tellOf(
  AnyOutbox.prototype,
  "replaceUnsent",
  (listener, outbox, _args, squashed) =>
    listener.squashed(outbox as Outbox, squashed as readonly Replacement[]),
  (listener, outbox) => listener.squashing(outbox as Outbox),
);
