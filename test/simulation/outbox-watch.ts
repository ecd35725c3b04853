import type { Shortened } from "../../client/conflict-desk.ts";
import type { KeptWrite, Outbox, Replacement, Write } from "../../client/outbox.ts";
import type { Operation } from "../../lib/operation.ts";
import { isAbout, placesOf } from "../../lib/conflict.ts";
import { canonical } from "../support/canonical.ts";
import type { Checks } from "./checks.ts";
import type { Issued } from "./issued.ts";
import type { ServerOracle } from "./server-oracle.ts";
import { parseToken, TOKEN_PROPERTIES, tokensOf } from "./token.ts";

/** A client's log of what it has written. */
interface Log {
  retry(issued: Issued): void;
  nextPlace(): number;
}

interface Asked {
  readonly log: Log;
  readonly issued: Issued;
}

/** Who hears of what happens in the outbox of one client. */
export interface OutboxListener {
  sent?(): void;
  /** What was written has become less: these have taken the place of those. */
  squashed?(before: readonly Write[], after: readonly Write[]): void;
  /** All that was undecided was given up. */
  discarded?(): void;
}

/** Which writes of the outboxes are whose, and what becomes of those that wait for a decision. */
export class OutboxWatch {
  readonly #oracle: ServerOracle;
  readonly #checks: Checks;
  /** What the application is asking for at this moment. */
  #asking: Asked | undefined;
  /** By what hears how far a write is: it goes along with all that is written in its place. */
  readonly #askedBy = new WeakMap<Write["reach"], readonly Asked[]>();
  readonly #outboxes = new WeakMap<Log, Outbox>();
  readonly #logs = new WeakMap<Outbox, Log>();
  readonly #listeners = new WeakMap<Log, OutboxListener[]>();
  /** What was on its way when a write was refused: if it still is when that is decided, it was shown. */
  readonly #shownBeside = new WeakMap<Write["reach"], ReadonlySet<Write>>();
  /** What the outbox has that is being squashed. */
  #before: readonly Write[] = [];

  constructor(oracle: ServerOracle, checks: Checks) {
    this.#oracle = oracle;
    this.#checks = checks;
  }

  listen(log: Log, listener: OutboxListener): void {
    this.#listeners.set(log, [...(this.#listeners.get(log) ?? []), listener]);
  }

  /** What is added to an outbox within `call` belongs to this. */
  during<Result>(asked: Asked, call: () => Result): Result {
    const outer = this.#asking;
    this.#asking = asked;
    try {
      return call();
    } finally {
      this.#asking = outer;
    }
  }

  outboxOf(log: Log): Outbox | undefined {
    return this.#outboxes.get(log);
  }

  /** This client goes on with what others have left. */
  adopt(log: Log, outbox: Outbox): void {
    this.#outboxes.set(log, outbox);
    this.#logs.set(outbox, log);
  }

  /** What the application has asked for that this write does: several, when it was made of several. */
  issuedOf({ reach }: Write): readonly Issued[] {
    return (this.#askedBy.get(reach) ?? []).map(({ issued }) => issued);
  }

  /**
   * A device gives this back. Where it did not have yet that writes were made one, each adds its own
   * again: by what they came to, the last of them would lack what the others have added before it.
   */
  restored(writes: readonly Pick<KeptWrite, "operations">[]): void {
    const { tallied, outdone } = this.#oracle;
    for (const write of writes) {
      // Nor may it have what has become of a later one: which may be refused now.
      for (const { id, token } of marksOf(write.operations)) outdone.delete(`${token} ${id}`);
      const others = new Set(
        writes.flatMap((one) => (one === write ? [] : tokensOf(one.operations))),
      );
      for (const token of tokensOf(write.operations)) {
        let one = tallied.get(token);
        while (one !== undefined && [...one.parts.keys()].some((part) => others.has(part)))
          one = one.before;
        if (one === undefined) tallied.delete(token);
        else tallied.set(token, one);
      }
    }
  }

  added(outbox: Outbox, write: Write): void {
    const known = this.#askedBy.get(write.reach);
    for (const token of tokensOf(write.operations)) this.#oracle.givenUp.delete(token);
    if (write.collisions !== undefined) this.#wait(write);
    if (known !== undefined) {
      this.#checks.saw("conflict resolved");
      this.#checkSeen(outbox, write);
      for (const { log, issued } of known) {
        log.retry(issued);
        issued.isRewritten = true;
        if (known.length === 1) issued.steps = write.operations;
        issued.isHeld = write.collisions !== undefined;
      }
    } else if (this.#asking !== undefined) {
      this.#askedBy.set(write.reach, [this.#asking]);
      this.adopt(this.#asking.log, outbox);
      this.#asking.issued.isHeld = write.collisions !== undefined;
    }
  }

  held(outbox: Outbox, write: Write): void {
    this.#shownBeside.set(write.reach, new Set(outbox.numbered));
    this.#checks.saw("write held");
    this.#wait(write);
    for (const issued of this.issuedOf(write)) issued.isHeld = true;
  }

  outdated(outbox: Outbox, later: Write, writes: readonly Shortened[]): void {
    for (const write of outbox.held) {
      const former = writes.find((one) => one.write === write)?.former ?? write.operations;
      for (const outdone of outdoneBy(later, { ...write, operations: former }))
        this.#oracle.outdone.add(outdone);
    }
    this.#shorten(writes);
  }

  /** Who was shown a write of their own has seen no more of the same than who wrote that one. */
  #checkSeen(outbox: Outbox, { operations, reach, seen }: Write): void {
    const places = operations.flatMap(placesOf);
    for (const shown of outbox.numbered) {
      if (this.#shownBeside.get(reach)?.has(shown) !== true || !isAbout(shown, places)) continue;
      this.#checks.check(seen <= shown.seen, "G13", () => {
        return `what is decided upon ${canonical(shown.operations)} passes for seeing ${seen}, and that saw ${shown.seen}`;
      });
    }
  }

  #shorten(writes: readonly Shortened[]): void {
    for (const { write, former } of writes) {
      this.#checks.saw("write shortened");
      const left = tokensOf(write.operations);
      const lost = new Set(tokensOf(former).filter((token) => !left.includes(token)));
      for (const token of lost) this.#oracle.givenUp.add(token);
      const [issued, ...more] = this.issuedOf(write);
      if (issued !== undefined && more.length === 0) issued.steps = write.operations;
      // What was made one has the mark of one of them, and none when another write has taken that place.
      for (const one of more.length > 0 ? this.issuedOf(write) : []) {
        one.isRewritten = true;
        one.isSquashed ||= tokensOf(one.steps).some((token) => lost.has(token));
      }
    }
  }

  #wait(write: Write): void {
    for (const token of tokensOf(write.operations)) this.#oracle.late.add(token);
  }

  taken(write: Write): void {
    if (write.collisions === undefined) return;
    // Until it is written anew: then its application has let it be.
    for (const token of tokensOf(write.operations)) this.#oracle.givenUp.add(token);
  }

  discarded(outbox: Outbox, writes: readonly Write[]): void {
    for (const listener of this.#listenersOf(outbox)) listener.discarded?.();
    for (const write of writes) {
      for (const issued of this.issuedOf(write)) issued.isDiscarded = true;
      for (const token of tokensOf(write.operations)) {
        this.#oracle.givenUp.add(token);
        // The server may decide about it yet, while the client writes on under another name.
        if (write.wasSent) this.#oracle.late.add(token);
      }
    }
  }

  sent(outbox: Outbox): void {
    for (const listener of this.#listenersOf(outbox)) listener.sent?.();
  }

  squashing(outbox: Outbox): void {
    this.#before = [...outbox];
  }

  squashed(outbox: Outbox, squashed: readonly Replacement[]): void {
    const before = this.#before;
    this.#before = [];
    if (squashed.length === 0) return;
    for (const { former, write } of squashed) {
      this.#checks.saw(write === undefined ? "writes came to nothing" : "writes squashed");
      this.#noteTokens(former, write?.operations ?? []);
      const asked = former.flatMap(({ reach }) => this.#askedBy.get(reach) ?? []);
      const group = {};
      const left = new Set(tokensOf(write?.operations ?? []));
      for (const { log, issued } of asked) {
        issued.group = group;
        if (write === undefined) issued.place = log.nextPlace();
        issued.isSquashed ||= tokensOf(issued.steps).some((token) => !left.has(token));
      }
      if (write !== undefined) this.#askedBy.set(write.reach, asked);
    }
    this.#putInOrder(outbox);
    for (const listener of this.#listenersOf(outbox)) listener.squashed?.(before, [...outbox]);
  }

  /** What is written in the place of several does what they would have done. */
  #noteTokens(former: readonly Write[], operations: readonly Operation[]): void {
    const { squashed, tallied } = this.#oracle;
    const before = former.flatMap((write) => tokensOf(write.operations));
    const after = tokensOf(operations);
    for (const token of before) {
      if (after.includes(token)) continue;
      squashed.set(token, new Set([...(squashed.get(token) ?? []), ...after]));
      if (after.length === 0) this.#oracle.vanished.add(token);
    }
    const tallies = before.flatMap((token) => tallied.get(token) ?? []);
    if (tallies.length === 0) return;
    // Each once: a device that has failed may give back what was made one already.
    const parts = new Map(tallies.flatMap((one) => [...one.parts]));
    const upon = tallies.flatMap((one) => one.upon).filter((token) => !before.includes(token));
    for (const token of after) tallied.set(token, { parts, upon, before: tallied.get(token) });
  }

  /** They are decided in another order than that in which they were written. */
  #putInOrder(outbox: Outbox): void {
    const orders = new Map<string, number>();
    for (const write of outbox.numbered) {
      for (const { log, issued } of this.#askedBy.get(write.reach) ?? [])
        issued.place = log.nextPlace();
      for (const text of tokensOf(write.operations)) {
        const { writer, order } = parseToken(text) ?? { writer: "", order: 0 };
        const last = orders.get(writer) ?? 0;
        if (order < last) this.#oracle.late.add(text);
        orders.set(writer, Math.max(last, order));
      }
    }
  }

  #listenersOf(outbox: Outbox): readonly OutboxListener[] {
    const log = this.#logs.get(outbox);
    return (log && this.#listeners.get(log)) ?? [];
  }
}

/**
 * By which write and object it is known that it has undone a later one of the same client, should it
 * take effect there: that one was accepted, and this one waits, and about that there is no conflict.
 */
function outdoneBy(later: Write, { operations, collisions, wasSent }: Write): string[] {
  // What only waits for others may be younger; and so may what waited when the later one was decided on.
  if (later.isAnew || collisions === undefined || !wasSent) return [];
  return marksOf(operations).flatMap(({ id, property, token }) => {
    const isOpen = collisions.some(
      (one) => one.id === id && (one.property === undefined || one.property === property),
    );
    const isOutdone = later.operations.some(
      (one) => one.id === id && (one.kind !== "update" || Object.hasOwn(one.changes, property)),
    );
    return isOutdone && !isOpen ? [`${token} ${id}`] : [];
  });
}

/** Where updates put what a write is recognised by. */
function marksOf(
  operations: readonly Operation[],
): { readonly id: string; readonly property: string; readonly token: string }[] {
  return operations.flatMap((one) => {
    if (one.kind !== "update") return [];
    return TOKEN_PROPERTIES.flatMap((property) => {
      const token = one.changes[property];
      return typeof token === "string" ? [{ id: one.id, property, token }] : [];
    });
  });
}
