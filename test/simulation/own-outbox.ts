import type { Outbox, Write } from "../../client/outbox.ts";
import { canonical } from "../support/canonical.ts";
import type { Checks, Guarantee } from "./checks.ts";
import { foldPlainly, type Step } from "./fold.ts";
import { isSameWrite } from "./inheritance.ts";
import type { Issued } from "./issued.ts";
import type { Mirror } from "./mirror.ts";
import type { OutboxWatch } from "./outbox-watch.ts";
import type { WriteLog } from "./write-log.ts";

/** A write that is not decided, and may show. */
export interface Shown {
  readonly steps: readonly Step[];
  readonly place: number;
  readonly isOptimistic: boolean;
}

type Steps = readonly (readonly Step[])[];

interface OwnOutboxOptions {
  readonly who: string;
  readonly checks: Checks;
  readonly outboxes: OutboxWatch;
  readonly log: WriteLog;
  readonly mirror: Mirror;
  /** Ids may be others than those that were asked for, also of what objects refer to. */
  readonly hasRenamed: boolean;
}

/** The outbox of one client, where writes may wait for a decision, or be made one. */
export class OwnOutbox {
  readonly #options: OwnOutboxOptions;
  /** What is to be looked at when it is known all that the client has been told. */
  readonly #due: (() => void)[] = [];

  constructor(options: OwnOutboxOptions) {
    this.#options = options;
    options.outboxes.listen(options.log, {
      squashed: (before, after) => {
        const [were, are] = [stepsOf(before), stepsOf(after)];
        this.#due.push(() => this.#checkSquashed(were, are));
      },
    });
  }

  /** What shows besides what is confirmed. */
  get shown(): Shown[] {
    return Array.from(this.#outbox ?? [], (write, place) => {
      return { steps: write.operations, place, isOptimistic: write.optimistic };
    });
  }

  /** What of this client has these very operations. */
  askedWith(operations: readonly unknown[]): readonly Issued[] {
    const write = [...(this.#outbox ?? [])].find((one) => one.operations === operations);
    return write === undefined ? [] : this.#options.outboxes.issuedOf(write);
  }

  /** It has what was asked for: in that order, and first what waits for a decision. */
  check(pending: number): void {
    for (const check of this.#due.splice(0)) check();
    const { outboxes, log, hasRenamed } = this.#options;
    const writes: readonly Write[] = [...(this.#outbox ?? [])];
    this.#check(pending === writes.length, "G8", () => {
      return `${pending} pending writes; its outbox has ${writes.length}`;
    });
    const own = writes.flatMap((write) => outboxes.issuedOf(write));
    const open = [...log.open].filter(({ kind, isDiscarded }) => kind === "write" && !isDiscarded);
    const isAll = open.every((issued) => own.includes(issued)) && own.length === open.length;
    this.#check(isAll, "G8", () => {
      return `${own.length} writes of its own in the outbox; ${open.length} are open`;
    });
    const isWaiting = ({ isHeld, isUncertain }: Issued): boolean => isHeld || isUncertain;
    const numbered = own.filter((issued) => !isWaiting(issued));
    const isOrdered =
      own.slice(0, own.length - numbered.length).every(isWaiting) &&
      numbered.every(({ place }, i) => place > (numbered[i - 1]?.place ?? -1));
    this.#check(isOrdered, "G4", () => "its writes in another order");
    for (const write of writes) {
      const [issued] = outboxes.issuedOf(write);
      if (issued === undefined || issued.isRewritten || hasRenamed) continue;
      if (issued.group !== undefined) continue;
      this.#check(isSameWrite(issued.steps, write.operations), "G8", () => {
        return `made something else of write ${issued.order}`;
      });
    }
  }

  /** Fewer writes show what all of them have shown. */
  #checkSquashed(before: Steps, after: Steps): void {
    const { objects } = this.#options.mirror;
    const were = foldPlainly(objects, before);
    const are = foldPlainly(objects, after);
    for (const id of were.states.keys()) {
      if (were.unclear.has(id) || are.unclear.has(id)) continue;
      const shown = were.states.get(id);
      const squashed = are.states.has(id) ? are.states.get(id) : objects.get(id);
      this.#check(canonical(shown) === canonical(squashed), "G8", () => {
        return `squashed ${id} to ${canonical(squashed)}, from ${canonical(shown)}`;
      });
    }
  }

  get #outbox(): Outbox | undefined {
    return this.#options.outboxes.outboxOf(this.#options.log);
  }

  #check(holds: boolean, guarantee: Guarantee, what: () => string): void {
    const { checks, who } = this.#options;
    checks.check(holds, guarantee, () => `${who} has ${what()}`);
  }
}

function stepsOf(writes: readonly Write[]): Steps {
  return writes.filter(({ optimistic }) => optimistic).map(({ operations }) => operations);
}
