import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { joinParts, type Delta } from "../../../lib/delta.ts";
import { encodeDelta } from "../../../lib/delta-codec.ts";
import type { Entry } from "../../../lib/entry.ts";
import { SyncError } from "../../../lib/errors.ts";
import { DEFAULT_LIMITS, type Limits } from "../../../lib/limits.ts";
import { decodeServerMessage, encodeDeltaHeader } from "../../../lib/messages.ts";
import type { Changes, ObjectId, SyncObject, Value } from "../../../lib/object.ts";
import { toProperties, type Operation } from "../../../lib/operation.ts";
import { ACCEPTED, type NumberedOutcome } from "../../../lib/outcome.ts";
import { Replica, type PendingWrite } from "../../../lib/replica.ts";
import { ReplicaEvent } from "../../../lib/showing.ts";
import { ShapeDictionary } from "../../../lib/shape-codec.ts";
import { KnownShapes } from "../../../lib/shape.ts";
import { World } from "../../../lib/world.ts";
import { canonical } from "../../support/canonical.ts";
import { fieldsOf, fieldsText, fold, viewText, type Fields } from "../../support/naive-replica.ts";

const limits: Limits = { ...DEFAULT_LIMITS, removedPropertiesMax: 2, shapesMax: 20 };

const POOL = ["a", "b", "c", "toString", "given0", "given1"];
const NAMES = ["x", "y", "toString", "valueOf", "", "0"];

/** An operation before it is known what provisional ids there are. */
interface Draft {
  readonly kind: "create" | "provisional" | "update" | "destroy";
  readonly target: number;
  readonly changes: Changes;
}

const aValue = fc.oneof(fc.nat(2), fc.constantFrom<Value[]>(null, "text", [1], { toString: 1 }));
const changes = fc
  .array(fc.tuple(fc.constantFrom(...NAMES), fc.option(aValue, { nil: undefined, freq: 3 })), {
    maxLength: 3,
  })
  .map((entries): Changes => Object.fromEntries(entries));
const drafts = fc.array(
  fc.record<Draft>({
    kind: fc.constantFrom("create", "provisional", "update", "update", "destroy"),
    target: fc.nat(30),
    changes,
  }),
  { minLength: 1, maxLength: 3 },
);

type Action =
  | { readonly kind: "write"; readonly drafts: readonly Draft[]; readonly isOptimistic: boolean }
  | { readonly kind: "commit"; readonly drafts: readonly Draft[]; readonly isSilent: boolean }
  | { readonly kind: "decide"; readonly isRefused: boolean; readonly given: number }
  | { readonly kind: "flush" }
  | { readonly kind: "pages"; readonly between: readonly (readonly Draft[])[] }
  | { readonly kind: "resync"; readonly between: readonly (readonly Draft[])[] }
  | { readonly kind: "epoch"; readonly kept: number };

const between = fc.array(drafts, { maxLength: 3 });
const action: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("write" as const),
      drafts,
      isOptimistic: fc.integer({ min: 0, max: 5 }).map((n) => n > 0),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant("commit" as const),
      drafts,
      isSilent: fc.integer({ min: 0, max: 3 }).map((n) => n === 0),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant("decide" as const),
      isRefused: fc.integer({ min: 0, max: 3 }).map((n) => n === 0),
      given: fc.nat(5),
    }),
  },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant("flush" as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("pages" as const), between }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("resync" as const), between }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("epoch" as const), kept: fc.nat() }) },
);

interface Pending extends PendingWrite {
  readonly n: number;
  operations: readonly Operation[];
}

/** The ids of which a replica keeps the confirmed state apart. */
function touchedBy(pending: readonly PendingWrite[]): Set<string> {
  const visible = pending.filter(({ optimistic }) => optimistic);
  return new Set(visible.flatMap(({ operations }) => operations.map(({ id }) => id)));
}

/** A server, its only client, and what the client's application has made of the events. */
class Run {
  #epoch = 0;
  #world = new World({ epoch: "0", seq: 0, horizon: 0, nextHandle: 1, objects: [] }, limits, 0);
  readonly #silent = new Set<Entry>();
  /** What the server has decided and the client not heard of yet. */
  #outcomes: NumberedOutcome[] = [];
  readonly #given = new Map<string, ObjectId>();
  #decided = 0;

  #known = new KnownShapes();
  #dictionary = new ShapeDictionary(limits);
  #pending: Pending[] = [];
  readonly #replica = new Replica(() => this.#pending);
  #nextNumber = 1;
  #provisional: ObjectId[] = [];

  #confirmed = new Map<string, Fields | null>();
  #shadow = new Map<string, { readonly object: SyncObject; readonly fields: Map<string, Value> }>();
  #firstNewHandle = 1;

  perform(step: Action): void {
    switch (step.kind) {
      case "write":
        this.#write(step.drafts, step.isOptimistic);
        break;
      case "commit":
        this.#commit(step.drafts, step.isSilent);
        break;
      case "decide":
        this.#decide(step.isRefused, step.given);
        break;
      case "flush":
        this.#flush(false, []);
        break;
      case "pages":
        this.#flush(false, step.between);
        break;
      case "resync":
        this.#connect();
        this.#flush(true, step.between);
        break;
      case "epoch":
        this.#restart(step.kept);
    }
  }

  #operations(given: readonly Draft[]): Operation[] {
    return given.map(({ kind, target, changes: fields }): Operation => {
      if (kind === "provisional") {
        const id = `new${this.#provisional.length}` as ObjectId;
        this.#provisional.push(id);
        return { kind: "create", id, properties: toProperties(fields), chosen: false };
      }
      const ids = [...POOL, ...this.#provisional];
      const id = ids[target % ids.length] as ObjectId;
      if (kind === "create") {
        return { kind, id, properties: toProperties(fields), chosen: true };
      }
      return kind === "update" ? { kind, id, changes: fields } : { kind, id };
    });
  }

  #write(given: readonly Draft[], isOptimistic: boolean): void {
    const operations = this.#operations(given);
    const write: Pending = { n: this.#nextNumber++, operations, optimistic: isOptimistic };
    const before = this.#replica.view.size;
    this.#pending.push(write);
    const events = this.#replica.write(write);
    if (!isOptimistic) expect([events, this.#replica.view.size]).toEqual([[], before]);
    for (const event of events) {
      if (event.name === "destroy") expect(event.object.id).toBe(event.id);
    }
    this.#check(events, new Set());
  }

  #commit(given: readonly Draft[], isSilent: boolean): void {
    // Nobody else creates an object under an id that this client has drawn.
    const own = new Set<string>(this.#provisional);
    const drafted = given.filter(({ kind }) => kind !== "provisional");
    const operations = this.#operations(drafted).filter(
      ({ kind, id }) => kind !== "create" || !own.has(id),
    );
    this.#tryCommit(operations, isSilent);
  }

  #tryCommit(operations: readonly Operation[], isSilent: boolean): SyncError | undefined {
    try {
      for (const { entry } of this.#world.commit(operations, 0).applied) {
        if (isSilent) this.#silent.add(entry);
        else this.#silent.delete(entry);
      }
      return undefined;
    } catch (error) {
      if (error instanceof SyncError) return error;
      throw error;
    }
  }

  #decide(isRefused: boolean, given: number): void {
    const write = this.#pending.find(({ n }) => n > this.#decided);
    if (write === undefined) return;
    this.#decided = write.n;
    const renamed = new Map<ObjectId, ObjectId>();
    const operations = write.operations.map((operation): Operation => {
      const id = this.#given.get(operation.id) ?? renamed.get(operation.id) ?? operation.id;
      if (operation.kind === "create" && !operation.chosen && given < 3) {
        const other = (given < 2 ? `given${given}` : `${id}!`) as ObjectId;
        renamed.set(operation.id, other);
        return { ...operation, id: other, properties: { ...operation.properties, given } };
      }
      return { ...operation, id };
    });
    const refusal = new SyncError("refused", "no");
    const problem = isRefused ? refusal : this.#tryCommit(operations, false);
    if (problem !== undefined) {
      this.#outcomes.push({ n: write.n, outcome: { kind: "rejected", error: problem.toData() } });
      return;
    }
    for (const [provisional, id] of renamed) this.#given.set(provisional, id);
    const outcome = renamed.size > 0 ? ({ kind: "accepted", renamed } as const) : ACCEPTED;
    this.#outcomes.push({ n: write.n, outcome });
  }

  #connect(): void {
    this.#known = new KnownShapes();
    this.#dictionary = new ShapeDictionary(limits);
    this.#firstNewHandle = this.#world.nextHandle;
  }

  /** A server with another world: what it did not tell before, it never did. */
  #restart(kept: number): void {
    this.#epoch += 1;
    const epoch = String(this.#epoch);
    const objects = [...this.#world.objects()].filter((_, i) => (kept & (1 << i)) !== 0);
    const record = { epoch, seq: 0, horizon: 0, nextHandle: 1, objects: [] };
    this.#world = new World(record, limits, 0);
    for (const { id, ...properties } of objects.reverse()) {
      const chosen = true;
      this.#tryCommit([{ kind: "create", id: id as ObjectId, properties, chosen }], false);
    }
    this.#silent.clear();
    this.#outcomes = [];
    this.#decided = (this.#pending[0]?.n ?? this.#nextNumber) - 1;
    this.#given.clear();
    this.#connect();
    this.#flush(true, []);
  }

  /** Brings the client to the present, in one message or in pages with commits between them. */
  #flush(isReplacing: boolean, commits: readonly (readonly Draft[])[]): void {
    const base = isReplacing ? 0 : this.#replica.cursor.seq;
    const parts: Delta[] = [];
    let from = base;
    for (const given of commits) {
      const page = this.#deliver(
        this.#world.since(base, { from, bytesMax: 1, silent: this.#silent }),
      );
      parts.push(page.delta);
      from = page.delta.to;
      this.#commit(given, false);
    }
    const sent = this.#outcomes;
    this.#outcomes = [];
    const last = this.#world.since(base, { from, silent: this.#silent });
    const { delta, outcomes } = this.#deliver(last, sent);
    parts.push(delta);
    this.#integrate(delta.to, joinParts(parts), outcomes, isReplacing);
  }

  #deliver(
    delta: Delta,
    outcomes: readonly NumberedOutcome[] = [],
  ): { delta: Delta; outcomes: readonly NumberedOutcome[] } {
    const encoded = encodeDelta(delta);
    const head = encodeDeltaHeader(true, outcomes, encoded, this.#known);
    const bytes = Uint8Array.from([...head, ...encoded.bytes]);
    const message = decodeServerMessage(bytes, this.#dictionary, limits);
    if (message.kind !== "delta") throw new Error("not a delta");
    return message;
  }

  #integrate(
    to: number,
    all: Delta["changes"],
    outcomes: readonly NumberedOutcome[],
    isReplacing: boolean,
  ): void {
    const formerlyTouched = touchedBy(this.#pending);
    const renamed = new Map<ObjectId, ObjectId>();
    for (const { outcome } of outcomes) {
      if (outcome.kind !== "accepted") continue;
      for (const [provisional, id] of outcome.renamed ?? []) renamed.set(provisional, id);
    }
    const renamedFrom = new Map<string, string>([...renamed].map(([from, id]) => [id, from]));
    const isDecided = ({ n }: Pending) => outcomes.some((outcome) => outcome.n === n);
    const decided = this.#pending.filter(isDecided);
    this.#pending = this.#pending.filter((write) => !isDecided(write));
    for (const write of this.#pending) {
      write.operations = write.operations.map((operation) => ({
        ...operation,
        id: renamed.get(operation.id) ?? operation.id,
      }));
    }
    for (const id of formerlyTouched) renamedFrom.delete(id);
    this.#noteConfirmed(isReplacing, renamedFrom);
    const silentIds = new Set([...this.#silent].map(({ id }) => id));
    this.#silent.clear();
    const before = new Map(
      [...this.#shadow].map(([id, { object, fields }]) => [
        id,
        { object, fields: new Map(fields) },
      ]),
    );
    const { epoch } = this.#world;
    const events = this.#replica.integrate({
      epoch,
      to,
      isReplacing,
      changes: all,
      firstNewHandle: this.#firstNewHandle,
      decided,
      renamed,
      moved: [],
      left: [],
    });
    expect(this.#replica.cursor).toEqual({ epoch, seq: this.#world.seq });
    this.#check(events, silentIds);
    this.#checkNews(events, all, silentIds);
    this.#checkCause(events, before);
  }

  /** Of an object that nothing touches any more, it is not even remembered that it is gone. */
  #noteConfirmed(isReplacing: boolean, renamedFrom: ReadonlyMap<string, string>): void {
    const old = this.#confirmed;
    this.#confirmed = new Map();
    for (const id of touchedBy(this.#pending)) {
      const isKnown = old.has(id) || old.get(renamedFrom.get(id) ?? "") === null;
      if (isKnown || isReplacing) this.#confirmed.set(id, null);
    }
    for (const object of this.#world.objects()) this.#confirmed.set(object.id, fieldsOf(object));
  }

  /** The view is the confirmed state with the pending writes on top, and so says every event. */
  #check(events: readonly ReplicaEvent[], silentIds: ReadonlySet<string>): void {
    const expected = fold(this.#confirmed, this.#pending);
    const view = new Map<string, Fields>();
    for (const [id, object] of this.#replica.view) {
      expect(object.id).toBe(id);
      view.set(id, fieldsOf(object));
    }
    expect(viewText(view)).toBe(viewText(expected));
    this.#replay(events);
    for (const id of silentIds) {
      const seen = this.#shadow.get(id);
      const object = this.#replica.view.get(id);
      if (seen && object) this.#shadow.set(id, { object: seen.object, fields: fieldsOf(object) });
    }
    const shadow = new Map([...this.#shadow].map(([id, { fields }]) => [id, fields]));
    expect(viewText(shadow)).toBe(viewText(expected));
    for (const [id, { object }] of this.#shadow) expect(this.#replica.view.get(id)).toBe(object);
    for (const object of this.#world.objects()) {
      const handle = this.#replica.handleOf(object.id as ObjectId);
      if (handle !== undefined) expect(this.#world.idOf(handle)).toBeDefined();
    }
  }

  #replay(events: readonly ReplicaEvent[]): void {
    const fresh = new Set<SyncObject>();
    const renamed = new Map<SyncObject, Map<string, Value>>();
    for (const [i, event] of events.entries()) {
      const next = events[i + 1];
      switch (event.name) {
        case "create":
          expect(next).toEqual(new ReplicaEvent("add", event.id, event.object));
          break;
        case "destroy":
          expect(next).toMatchObject({ name: "remove", id: event.id });
          break;
        case "add": {
          const { object } = event;
          const fields = renamed.get(object);
          if (fields === undefined) fresh.add(object);
          expect(this.#shadow.has(object.id)).toBe(false);
          this.#shadow.set(object.id, { object, fields: fields ?? fieldsOf(object) });
          break;
        }
        case "remove": {
          const { id, object } = event;
          const seen = this.#shadow.get(id);
          expect(seen?.object).toBe(object);
          // Only an object that was given another id comes in again.
          renamed.set(object, seen?.fields ?? new Map<string, Value>());
          this.#shadow.delete(id);
          break;
        }
        case "update":
          expect(fresh.has(event.object)).toBe(false);
          this.#replayUpdate(event.object, event.changed ?? {}, event.previous ?? {});
      }
    }
  }

  #replayUpdate(object: SyncObject, changed: Changes, previous: Changes): void {
    const seen = this.#shadow.get(object.id);
    expect(seen?.object).toBe(object);
    const names = Object.keys(changed);
    expect(Object.keys(previous)).toEqual(names);
    expect(names.length).toBeGreaterThan(0);
    for (const name of names) {
      const value = changed[name];
      expect(canonical(previous[name])).toBe(canonical(seen?.fields.get(name)));
      expect(canonical(value)).not.toBe(canonical(previous[name]));
      if (value === undefined) seen?.fields.delete(name);
      else seen?.fields.set(name, value);
    }
  }

  /** Of others' objects, those that are new are created and no others; silent ones only come and go. */
  #checkNews(
    events: readonly ReplicaEvent[],
    all: Delta["changes"],
    silentIds: ReadonlySet<string>,
  ): void {
    const touched = new Set(
      this.#pending.flatMap(({ operations }) => operations.map(({ id }) => id)),
    );
    for (const event of events) {
      const { id } = event;
      if (touched.has(id)) continue;
      if (event.name === "update" && silentIds.has(id)) {
        // Only where a write of this client was taken back besides.
        continue;
      }
      if (event.name !== "create") continue;
      const change = all.find((one) => one.kind === "create" && one.id === id);
      if (change === undefined) continue;
      expect(change).toMatchObject({ silent: false });
      expect(change.handle).toBeGreaterThanOrEqual(this.#firstNewHandle);
    }
  }

  /** An object that is what it was, and the same one, is not mentioned. */
  #checkCause(
    events: readonly ReplicaEvent[],
    before: ReadonlyMap<string, { readonly object: SyncObject; readonly fields: Fields }>,
  ): void {
    for (const event of events) {
      const seen = before.get(event.id);
      const object = this.#replica.view.get(event.id);
      if (seen === undefined || seen.object !== object) continue;
      expect(fieldsText(fieldsOf(object))).not.toBe(fieldsText(seen.fields));
    }
  }

  finish(): void {
    while (this.#pending.some(({ n }) => n > this.#decided)) this.#decide(false, 5);
    this.#flush(false, []);
    expect(this.#pending).toEqual([]);
    const world = new Map(
      [...this.#world.objects()].map((object) => [object.id, fieldsOf(object)]),
    );
    const view = new Map([...this.#replica.view].map(([id, object]) => [id, fieldsOf(object)]));
    expect(viewText(view)).toBe(viewText(world));
    for (const { id } of this.#world.objects()) {
      const handle = this.#replica.handleOf(id as ObjectId);
      expect(this.#world.idOf(handle ?? 0)).toBe(id);
    }
  }
}

test("a view is always the confirmed state with the pending writes on top, and events tell it", () => {
  fc.assert(
    fc.property(fc.array(action, { minLength: 5, maxLength: 40, size: "max" }), (actions) => {
      const run = new Run();
      for (const step of actions) run.perform(step);
      run.finish();
    }),
    { numRuns: 200 },
  );
});
