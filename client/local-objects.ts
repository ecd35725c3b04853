import { SyncError } from "../lib/errors.ts";
import { applied, REFUSED, type State } from "../lib/fold.ts";
import type { ObjectId, SyncObject } from "../lib/object.ts";
import type { Operation } from "../lib/operation.ts";
import type { Replica } from "../lib/replica.ts";
import type { ReplicaEvent } from "../lib/showing.ts";
import type { Outbox, Write } from "./outbox.ts";

interface Waiting extends Pick<Write, "reach"> {
  readonly settle: (error: SyncError | undefined) => void;
}

/**
 * Objects that stay on this client. Each is a write that is never sent, and creates all of it: so it
 * lies over whatever the server says, and is kept where undecided writes are.
 */
export class LocalObjects {
  readonly #outbox: Outbox;
  readonly #replica: Replica;
  /**
   * Who waits until what they wrote is kept, in order, each with the version that it made. Not with the
   * objects: many may wait for one, one for many, and who destroys for one that is no more.
   */
  readonly #waiting: { readonly version: number; readonly one: Waiting }[] = [];

  constructor(outbox: Outbox, replica: Replica) {
    this.#outbox = outbox;
    this.#replica = replica;
  }

  /** Makes a write here. Throws `exists` and `not_found`, and then did nothing. */
  write(operations: readonly Operation[], isKept: boolean, one: Waiting): ReplicaEvent[] {
    const states = statesAfter(operations, (id) => this.#state(id));
    const events = [...states].flatMap(([id, state]) => this.#set(id, state, isKept));
    this.onceKept(isKept, one);
    return events;
  }

  /** Has one wait until all is kept as it is now, if it is not: who has given up other writes does so as well. */
  onceKept(isKept: boolean, one: Waiting): void {
    if (isKept) one.settle(undefined);
    else this.#waiting.push({ version: this.#outbox.localVersion, one });
  }

  /** All up to this version of what stays here is kept, or there is nothing any more that keeps. */
  kept(version: number, isStored: boolean): void {
    const later = this.#waiting.findIndex((waiting) => waiting.version > version);
    for (const { one } of this.#waiting.splice(0, later < 0 ? Infinity : later)) {
      if (isStored) one.reach("stored");
      one.settle(undefined);
    }
  }

  /** Takes out who still waits, in vain. */
  takeWaiting(): readonly Waiting[] {
    return this.#waiting.splice(0).map(({ one }) => one);
  }

  /** The server has taken a write of which nothing comes back: it stays here. */
  keep(operations: readonly Operation[], isKept: boolean): ReplicaEvent[] {
    const states = new Map<ObjectId, State>();
    for (const operation of operations) {
      const { id } = operation;
      const state = applied(operation, states.has(id) ? states.get(id) : this.#state(id));
      if (state !== REFUSED) states.set(id, state);
    }
    return [...states].flatMap(([id, state]) => this.#set(id, state, isKept));
  }

  #state(id: ObjectId): State {
    const [operation] = this.#outbox.localOf(id)?.operations ?? [];
    if (operation?.kind !== "create") return null;
    return { id, ...operation.properties };
  }

  #set(id: ObjectId, state: State, isKept: boolean): ReplicaEvent[] {
    const former = this.#outbox.localOf(id);
    const write = state ? localWrite(state, isKept) : undefined;
    this.#outbox.setLocal(id, write);
    return this.#replica.exchange(former, write);
  }
}

/** Nobody hears of it: who waits does so for a version of all. */
function localWrite({ id, ...properties }: SyncObject, isKept: boolean): Write {
  return {
    operations: [{ kind: "create", id: id as ObjectId, properties, chosen: true }],
    optimistic: true,
    n: 0,
    seen: 0,
    wasSent: false,
    isUncertain: false,
    collisions: undefined,
    isAnew: false,
    isLocal: true,
    isKept,
    settle: () => undefined,
    reach: () => undefined,
  };
}

function statesAfter(
  operations: readonly Operation[],
  read: (id: ObjectId) => State,
): ReadonlyMap<ObjectId, State> {
  const states = new Map<ObjectId, State>();
  for (const operation of operations) {
    const { id } = operation;
    const before = states.has(id) ? states.get(id) : read(id);
    if (!before && operation.kind !== "create") {
      throw new SyncError("not_found", `there is no object ${id}`, { id });
    }
    const after = applied(operation, before);
    if (after === REFUSED)
      throw new SyncError("exists", `there is an object ${id} already`, { id });
    states.set(id, after);
  }
  return states;
}
