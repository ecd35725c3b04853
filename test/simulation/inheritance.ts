import { persist } from "../../client/keeping/persist.ts";
import type { Outbox } from "../../client/outbox.ts";
import type { Keeper, Kept, Persistence } from "../../client/persistence.ts";
import type { ClientStorage } from "../../client/storage/storage.ts";
import type { Operation } from "../../lib/operation.ts";
import { canonical } from "../support/canonical.ts";
import type { Step } from "./fold.ts";

/** An undecided write, whoever wrote it. */
export interface Undecided {
  steps: readonly Step[];
  place: number;
  isUncertain: boolean;
}

export interface Inherited extends Undecided {
  readonly isOptimistic: boolean;
}

/** What a client has taken over from those that have ended, with the device that kept it. */
export class Inheritance {
  /** For the client's options. */
  readonly persistence: Persistence;
  /** In the order in which they will be decided. */
  #writes: Inherited[] = [];
  readonly #heirs: { clientId: string; operations: () => Operation[][] }[] = [];
  #isAny = false;

  /**
   * `onOpened` is told what was kept, before the client goes on with it; `onStart` the outbox in which
   * the client then has it; `onKept` of each client that has left something, also of those that are
   * finished beside.
   */
  constructor(
    openStorage: () => ClientStorage,
    onOpened: (kept: Kept | undefined) => void,
    onStart: (outbox: Outbox) => void,
    onKept: (kept: Kept) => void,
  ) {
    const inner = persist(openStorage);
    this.persistence = {
      open: async (world, environment, migrations) => {
        const opened = await inner.open(world, environment, migrations);
        this.#take(opened.own.kept);
        this.#hearStart(opened.own, onStart);
        for (const { kept } of [opened.own, ...opened.orphans])
          if (kept !== undefined) onKept(kept);
        onOpened(opened.own.kept);
        return { ...opened, orphans: opened.orphans.map((keeper) => this.#watch(keeper)) };
      },
    };
  }

  /** Whether there was ever a write of somebody else. */
  get isAny(): boolean {
    return this.#isAny;
  }

  get writes(): readonly Inherited[] {
    return this.#writes;
  }

  /** Whether this names an earlier client, which is finished beside the one that goes on. */
  isHeir(clientId: string): boolean {
    return this.#heirs.some((heir) => heir.clientId === clientId);
  }

  /** Whether these are of a write of such a client. */
  isOfHeir(operations: readonly Operation[]): boolean {
    return this.#heirs.some((heir) => heir.operations().some((own) => own === operations));
  }

  /** All but so many have been decided: in their order, but for those that wait for a choice. */
  leave(count: number): void {
    let decided = this.#writes.length - count;
    this.#writes = this.#writes.filter(({ isUncertain }) => isUncertain || decided-- <= 0);
  }

  discard(write: Undecided): void {
    this.#writes = this.#writes.filter((other) => other !== write);
  }

  retry(write: Undecided, place: number): void {
    write.place = place;
    write.isUncertain = false;
    this.#writes.sort((a, b) => a.place - b.place);
  }

  rename(renamed: ReadonlyMap<string, string>): void {
    for (const write of this.#writes) {
      write.steps = write.steps.map((step) => ({ ...step, id: renamed.get(step.id) ?? step.id }));
    }
  }

  #take(kept: Kept | undefined): void {
    const { writes = [] } = kept ?? {};
    this.#isAny ||= writes.length > 0;
    this.#writes = writes.map(({ operations, optimistic }, i) => ({
      steps: operations,
      isOptimistic: optimistic,
      place: i - writes.length,
      isUncertain: false,
    }));
  }

  #hearStart(keeper: Keeper, onStart: (outbox: Outbox) => void): void {
    const start = keeper.start.bind(keeper);
    keeper.start = (source, listener) => {
      onStart(source.outbox);
      start(source, listener);
    };
  }

  #watch(keeper: Keeper): Keeper {
    this.#isAny = true;
    const { kept } = keeper;
    const clientId = kept?.clientId ?? "";
    // It stays the keeper that it is: only who it works for is noted.
    const start = keeper.start.bind(keeper);
    keeper.start = (source, listener) => {
      const operations = (): Operation[][] =>
        Array.from(source.outbox, (write) => write.operations as Operation[]);
      this.#heirs.push({ clientId, operations });
      start(source, listener);
    };
    return keeper;
  }
}

/** Whether a write is the one that was told of. */
export function isSameWrite(steps: readonly Step[], operations: readonly Operation[]): boolean {
  return canonical(steps.map(plain)) === canonical(operations.map(plain));
}

function plain(step: Step | Operation): object {
  if (step.kind === "create") return { id: step.id, properties: step.properties };
  return step.kind === "update" ? { id: step.id, changes: step.changes } : { id: step.id };
}
