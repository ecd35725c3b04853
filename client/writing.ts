import { isAbout, placesOf } from "../lib/conflict.ts";
import type { SyncError } from "../lib/errors.ts";
import { encodeMutation } from "../lib/mutation-codec.ts";
import type { Operation } from "../lib/operation.ts";
import { makePropertySet, ShapeTable } from "../lib/shape.ts";
import type { ConflictDesk } from "./conflict-desk.ts";
import type { FollowerState } from "./follower-state.ts";
import { staysHere } from "./namespaces.ts";
import type { Write } from "./outbox.ts";
import type { Sender } from "./sender.ts";
import { sizeProblem } from "./server-link.ts";

/** A write as the application asks for it. */
type Asked = Pick<Write, "operations" | "optimistic" | "settle" | "reach">;

/** Of a write that was made before: what its writer had seen then, and what was there. */
type Known = Pick<Write, "base" | "former" | "seen">;

/** Takes what the application writes: to the outbox, from where it is sent, or to what stays here. */
export class Writing {
  readonly #state: FollowerState;
  readonly #desk: ConflictDesk | undefined;
  readonly #sender: Sender;

  constructor(state: FollowerState, desk: ConflictDesk | undefined, sender: Sender) {
    this.#state = state;
    this.#desk = desk;
    this.#sender = sender;
  }

  /** Throws `too_large`, `limit_exceeded`, or what the ways of namespaces do not allow, and then did nothing. */
  write(operations: readonly Operation[], settle: Write["settle"], reach: Write["reach"]): void {
    const { options, connector, outbox, news } = this.#state;
    const { limits, optimistic, namespaces } = options;
    if (staysHere(operations, namespaces)) {
      this.#writeHere(operations, settle, reach);
      return;
    }
    checkSize(operations, (connector.link?.welcome ?? limits).mutationBytesMax);
    outbox.checkRoom();
    this.enqueue({ operations, optimistic, settle, reach });
    news.tell();
  }

  /** With what is `known` of it, a write that was made before. */
  enqueue({ operations, optimistic, settle, reach }: Asked, known?: Known): void {
    const { outbox, replica, kept, news } = this.#state;
    const { base, former, seen } = known ?? this.#look(operations);
    const isKept = kept.isFree;
    const isAnew = known !== undefined;
    const asked = { operations, base, former, optimistic, seen, isKept, isAnew, settle, reach };
    const write = outbox.add(asked, this.#desk?.waitingUnder(operations));
    const isLast = write.collisions === undefined;
    if (isLast) this.#desk?.noteWrite(write);
    news.changed(isLast ? replica.write(write) : replica.insert(write));
    kept.noteWrites();
    this.#sender.soon();
  }

  #writeHere(
    operations: readonly Operation[],
    settle: Write["settle"],
    reach: Write["reach"],
  ): void {
    const { options, local, kept, news } = this.#state;
    const waiting = {
      // Not before the call that writes has returned.
      settle: (error: SyncError | undefined): void => {
        const heard = (): void => {
          if (error === undefined) reach("accepted");
          settle(error, error === undefined ? operations.map(({ id }) => id) : []);
        };
        options.environment.scheduler.soon(() => news.tell(heard));
      },
      reach,
    };
    news.changed(local.write(operations, kept.isFree, waiting));
    kept.noteWrites();
    news.tell();
  }

  /** What whoever writes this now has before them. */
  #look(operations: readonly Operation[]): Known {
    const desk = this.#desk;
    // Whether it can happen that the server refuses it for what others have written.
    const isDetecting = desk !== undefined || this.#state.detects !== undefined;
    const base = desk?.baseOf(operations);
    return { base, former: undefined, seen: this.#seenBy(operations, isDetecting) };
  }

  /**
   * What whoever writes this has seen. Where a write of theirs shows that is not decided yet, they have
   * not seen what others have made of the same since that one.
   */
  #seenBy(operations: readonly Operation[], isDetecting: boolean): number {
    const { replica } = this.#state;
    let seen = this.#state.seenAt(replica.cursor);
    if (!isDetecting) return seen;
    for (const operation of operations) {
      const writes = replica.writesOn(operation.id) as readonly Write[]; // all are the outbox's
      const places = placesOf(operation);
      for (const write of writes) if (isAbout(write, places)) seen = Math.min(seen, write.seen);
    }
    return seen;
  }
}

/** Tells early what would be too large; what is missed here is found when it is sent. */
function checkSize(operations: readonly Operation[], bytesMax: number): void {
  if (operations.every(isMove)) return;
  const mutation = { seen: 0, operations };
  const encoded = encodeMutation(mutation, new ShapeTable(0, makePropertySet), () => undefined);
  const problem = sizeProblem(mutation, encoded, bytesMax);
  if (problem !== undefined) throw problem;
}

/** What games write all the time, and what to encode twice would cost as much as all else. */
function isMove(operation: Operation): boolean {
  if (operation.kind !== "update") return false;
  return Object.values(operation.changes).every((value) => typeof value === "number");
}
