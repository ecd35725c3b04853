import { expect, jest, test } from "@jest/globals";
import type { Change } from "../../../lib/delta.ts";
import type { Changes, ObjectId, Properties, SyncObject, Value } from "../../../lib/object.ts";
import type { Operation } from "../../../lib/operation.ts";
import { Replica, type PendingWrite, type Step } from "../../../lib/replica.ts";
import type { ReplicaEvent } from "../../../lib/showing.ts";
import type { PropertySet } from "../../../lib/shape.ts";

function shapeOf(changes: Changes): { shape: PropertySet; values: (Value | undefined)[] } {
  const names = Object.keys(changes);
  return {
    shape: { number: 0, names, nameNumbers: [] },
    values: names.map((name) => changes[name]),
  };
}

function created(handle: number, id: string, properties: Properties = {}, silent = false): Change {
  return { kind: "create", handle, id: id as ObjectId, ...shapeOf(properties), silent };
}

function updated(handle: number, changes: Changes, silent = false): Change {
  return { kind: "update", handle, ...shapeOf(changes), silent };
}

function destroyed(handle: number, silent = false): Change {
  return { kind: "destroy", handle, silent };
}

function writeOf(...operations: Operation[]): PendingWrite {
  return { operations, optimistic: true };
}

function create(id: string, properties: Properties = {}): Operation {
  return { kind: "create", id: id as ObjectId, properties, chosen: true };
}

function update(id: string, changes: Changes): Operation {
  return { kind: "update", id: id as ObjectId, changes };
}

function destroy(id: string): Operation {
  return { kind: "destroy", id: id as ObjectId };
}

/** A replica with its outbox, which tells its events in short. */
class Subject {
  pending: PendingWrite[] = [];
  readonly replica = new Replica(() => this.pending);
  #to = 0;

  write(...operations: Operation[]): unknown[] {
    const write = writeOf(...operations);
    this.pending.push(write);
    return this.replica.write(write).map(short);
  }

  step(changes: Change[], given: Partial<Step> = {}): unknown[] {
    this.#to += 1;
    const step: Step = {
      epoch: "e",
      to: this.#to,
      isReplacing: false,
      changes,
      firstNewHandle: 10,
      decided: [],
      renamed: new Map(),
      moved: [],
      left: [],
      ...given,
    };
    this.pending = this.pending.filter((write) => !step.decided.includes(write));
    return this.replica.integrate(step).map(short);
  }

  get view(): unknown[] {
    return [...this.replica.view.values()];
  }

  get(id: string): SyncObject | undefined {
    return this.replica.view.get(id);
  }
}

function short(event: ReplicaEvent): unknown[] {
  const { name, id, changed, previous } = event;
  return name === "update" ? [name, id, changed, previous] : [name, id];
}

test("objects that were there before come in without having been created", () => {
  const subject = new Subject();
  expect(subject.step([created(1, "old", { x: 1 }), created(10, "new")])).toEqual([
    ["add", "old"],
    ["create", "new"],
    ["add", "new"],
  ]);
  expect(subject.view).toStrictEqual([{ id: "old", x: 1 }, { id: "new" }]);
});

test("an object is one reference from its creation to its end, and keeps its last properties", () => {
  const subject = new Subject();
  subject.write(create("a", { x: 1 }));
  const object = subject.get("a");
  subject.step([created(10, "a", { x: 1, y: 2 })], { decided: subject.pending });
  subject.step([updated(10, { x: undefined })]);
  expect(subject.get("a")).toBe(object);
  expect(object).toStrictEqual({ id: "a", y: 2 });
  subject.step([destroyed(10)]);
  expect(subject.get("a")).toBeUndefined();
  expect(object).toStrictEqual({ id: "a", y: 2 });
  subject.step([created(11, "a")]);
  expect(subject.get("a")).not.toBe(object);
});

test("a write shows at once, and its confirmation is no event", () => {
  const subject = new Subject();
  subject.step([created(1, "a", { x: 1 })]);
  expect(subject.write(update("a", { x: 2, y: 3 }), create("b"))).toEqual([
    ["update", "a", { x: 2, y: 3 }, { x: 1, y: undefined }],
    ["create", "b"],
    ["add", "b"],
  ]);
  const changes = [updated(1, { x: 2, y: 3 }), created(10, "b")];
  expect(subject.step(changes, { decided: subject.pending })).toEqual([]);
  expect(subject.view).toStrictEqual([{ id: "a", x: 2, y: 3 }, { id: "b" }]);
});

test("a refused write is taken back to what the server has, not to what was", () => {
  const subject = new Subject();
  subject.step([created(1, "a", { x: 1, y: 1 })]);
  subject.write(update("a", { x: 2 }));
  expect(subject.step([updated(1, { x: 5, y: 5 })])).toEqual([["update", "a", { y: 5 }, { y: 1 }]]);
  expect(subject.step([], { decided: subject.pending })).toEqual([
    ["update", "a", { x: 5 }, { x: 2 }],
  ]);
});

test("a refused creation is destroyed again, a refused destruction created again", () => {
  const subject = new Subject();
  subject.step([created(1, "a")]);
  subject.write(create("b"));
  subject.write(destroy("a"));
  const object = subject.get("b");
  expect(subject.step([], { decided: subject.pending })).toEqual([
    ["destroy", "b"],
    ["remove", "b"],
    ["create", "a"],
    ["add", "a"],
  ]);
  expect(object).toStrictEqual({ id: "b" });
});

test("a write that the server would refuse is shown as a whole or not at all", () => {
  const subject = new Subject();
  subject.step([created(1, "a"), created(2, "b")]);
  subject.write(destroy("a"));
  expect(subject.write(update("b", { x: 1 }), update("a", { x: 1 }))).toEqual([]);
  expect(subject.write(create("c"), create("b"))).toEqual([]);
  expect(subject.view).toStrictEqual([{ id: "b" }]);
});

test("what this client destroyed is known to be gone, also when it was never confirmed", () => {
  const subject = new Subject();
  subject.write(create("a"));
  subject.write(destroy("a"));
  expect(subject.write(update("a", { x: 1 }), create("b"))).toEqual([]);
  expect(subject.view).toEqual([]);
});

test("a write to an object that is not known does not show, and what else it does does", () => {
  const subject = new Subject();
  expect(subject.write(update("unknown", { x: 1 }), create("b"))).toEqual([
    ["create", "b"],
    ["add", "b"],
  ]);
  expect(subject.view).toStrictEqual([{ id: "b" }]);
});

test("a write that is not optimistic shows when it is confirmed", () => {
  const subject = new Subject();
  const write: PendingWrite = { operations: [create("a")], optimistic: false };
  subject.pending.push(write);
  expect(subject.replica.write(write)).toEqual([]);
  expect(subject.view).toEqual([]);
  expect(subject.step([created(10, "a")], { decided: [write] })).toEqual([
    ["create", "a"],
    ["add", "a"],
  ]);
});

test("an object that comes again silently, and is there already, tells what has changed", () => {
  const subject = new Subject();
  subject.step([created(10, "a", { x: 1 }, true)]);
  expect(subject.step([created(10, "a", { x: 2 }, true)])).toEqual([
    ["update", "a", { x: 2 }, { x: 1 }],
  ]);
  expect(subject.step([created(10, "a", { x: 2 }, true)])).toEqual([]);
});

test("an object that leaves silently, from under a write that shows another, tells what is different", () => {
  const subject = new Subject();
  subject.step([created(1, "a", { x: 1 })]);
  expect(subject.write(create("a", { x: 2 }))).toEqual([]);
  expect(subject.step([destroyed(1, true)])).toEqual([["update", "a", { x: 2 }, { x: 1 }]]);
  expect(subject.step([created(2, "a", { x: 3 }, true)])).toEqual([
    ["update", "a", { x: 3 }, { x: 2 }],
  ]);
});

test("a silent change shows, and only coming and going is told", () => {
  const subject = new Subject();
  const silent = true;
  expect(subject.step([created(10, "a", { x: 1 }, silent)])).toEqual([["add", "a"]]);
  expect(subject.step([updated(10, { x: 2 }, silent)])).toEqual([]);
  expect(subject.get("a")).toStrictEqual({ id: "a", x: 2 });
  expect(subject.step([destroyed(10, silent)])).toEqual([["remove", "a"]]);
});

test("a change that changes nothing visible is no event", () => {
  const subject = new Subject();
  subject.step([created(1, "a", { x: 1, list: [1, { y: 2 }], when: new Date(3) })]);
  const same = { x: 1, list: [1, { y: 2 }], when: new Date(3), absent: undefined };
  expect(subject.step([updated(1, same)])).toEqual([]);
  expect(subject.step([created(1, "a", { x: 1, list: [1, { y: 2 }], when: new Date(3) })])).toEqual(
    [],
  );
  expect(subject.step([updated(99, { x: 1 }), destroyed(99)])).toEqual([]);
});

test("a delta that is applied twice does no harm", () => {
  const subject = new Subject();
  subject.step([created(1, "a", { x: 1 }), created(2, "b")]);
  const changes = [updated(1, { x: 2 }), destroyed(2), created(10, "c", { y: 1 })];
  expect(subject.step(changes, { to: 7 })).toHaveLength(5);
  expect(subject.step(changes, { to: 7 })).toEqual([]);
  expect(subject.step([], { to: 5 })).toEqual([]);
  expect(subject.replica.cursor).toEqual({ epoch: "e", seq: 7 });
});

test("a creation of an object that is known replaces all its properties", () => {
  const subject = new Subject();
  subject.step([created(1, "a", { x: 1, y: 1 })]);
  expect(subject.step([created(1, "a", { y: 2 })])).toEqual([
    ["update", "a", { x: undefined, y: 2 }, { x: 1, y: 1 }],
  ]);
});

test("a snapshot that replaces lets go of what it does not mention, and keeps pending writes", () => {
  const subject = new Subject();
  subject.step([created(1, "a", { x: 1 }), created(2, "b"), created(3, "c")]);
  subject.write(update("a", { x: 2 }), create("mine"));
  subject.write(update("b", { x: 2 }));
  const object = subject.get("a");
  const events = subject.step([created(3, "a", { x: 1 }), created(4, "d")], {
    epoch: "other",
    to: 2,
    isReplacing: true,
  });
  expect(events).toEqual(
    expect.arrayContaining([
      ["remove", "c"],
      ["add", "d"],
      ["remove", "b"],
    ]),
  );
  expect(events).toHaveLength(3);
  expect(subject.get("a")).toBe(object);
  expect(subject.view).toEqual(
    expect.arrayContaining([{ id: "a", x: 2 }, { id: "mine" }, { id: "d" }]),
  );
  expect(subject.replica.cursor).toEqual({ epoch: "other", seq: 2 });
  expect(subject.replica.handleOf("b" as ObjectId)).toBeUndefined();
  expect(subject.replica.handleOf("a" as ObjectId)).toBe(3);
});

test("a handle of another epoch means nothing", () => {
  const subject = new Subject();
  subject.step([created(1, "a"), created(2, "b")]);
  // In the other epoch an object of handle 1 came and went between two pages.
  const changes = [destroyed(1), created(5, "a"), created(6, "b")];
  expect(subject.step(changes, { epoch: "other", isReplacing: true })).toEqual([]);
  expect(subject.view).toEqual([{ id: "a" }, { id: "b" }]);
});

test("an object that the server has under the provisional id as well stays", () => {
  const subject = new Subject();
  subject.write(create("provisional", { x: 1 }));
  // The write was accepted, but a backup of before was restored that has the object.
  subject.step([created(1, "provisional", { x: 1 })], { epoch: "other", isReplacing: true });
  const object = subject.get("provisional");
  const renamed = new Map([["provisional" as ObjectId, "given" as ObjectId]]);
  const step = { decided: subject.pending, renamed };
  expect(subject.step([created(10, "given", { x: 1 })], step)).toEqual([
    ["create", "given"],
    ["add", "given"],
  ]);
  expect(subject.get("provisional")).toBe(object);
  expect(subject.step([updated(1, { x: 2 })])).toEqual([
    ["update", "provisional", { x: 2 }, { x: 1 }],
  ]);
});

test("an object that is given another id keeps its reference", () => {
  const subject = new Subject();
  subject.write(create("provisional", { x: 1 }));
  subject.write(update("provisional", { y: 1 }));
  const object = subject.get("provisional");
  const [first, second] = subject.pending;
  Object.assign(second as PendingWrite, writeOf(update("given", { y: 1 })));
  const renamed = new Map([["provisional" as ObjectId, "given" as ObjectId]]);
  const events = subject.step([created(10, "given", { x: 2 })], {
    decided: first === undefined ? [] : [first],
    renamed,
  });
  expect(events).toEqual([
    ["remove", "provisional"],
    ["add", "given"],
    ["update", "given", { x: 2 }, { x: 1 }],
  ]);
  expect(subject.get("given")).toBe(object);
  expect(object).toStrictEqual({ id: "given", x: 2, y: 1 });
  expect(subject.step([], { decided: subject.pending })).toEqual([
    ["update", "given", { y: undefined }, { y: 1 }],
  ]);
});

test("a given id that is known already keeps its own reference, and takes the writes over", () => {
  const subject = new Subject();
  subject.step([created(1, "given", { x: 0 })]);
  const given = subject.get("given");
  subject.write(create("provisional"));
  const renamed = new Map([["provisional" as ObjectId, "given" as ObjectId]]);
  expect(subject.step([updated(1, { x: 1 })], { decided: subject.pending, renamed })).toEqual([
    ["destroy", "provisional"],
    ["remove", "provisional"],
    ["update", "given", { x: 1 }, { x: 0 }],
  ]);
  expect(subject.view).toEqual([given]);
});

test("names that mean something in JavaScript are plain properties", () => {
  const subject = new Subject();
  const traps = { toString: 1, valueOf: 2, hasOwnProperty: 3, then: 4, "": 5, 0: 6 };
  subject.step([created(1, "toString"), created(2, "__proto__", { x: 1 })]);
  expect(subject.step([updated(1, traps)])).toEqual([
    [
      "update",
      "toString",
      traps,
      Object.fromEntries(Object.keys(traps).map((name) => [name, undefined])),
    ],
  ]);
  subject.write(update("toString", { toString: 9 }), update("__proto__", { x: 2 }));
  expect(subject.get("toString")).toStrictEqual({ id: "toString", ...traps, toString: 9 });
  subject.step([], { decided: subject.pending });
  expect(subject.get("toString")).toStrictEqual({ id: "toString", ...traps });
  expect(subject.get("__proto__")).toStrictEqual({ id: "__proto__", x: 1 });
});

test("a step costs what it changes and what is pending, never a look at all objects", () => {
  const subject = new Subject();
  const count = 5_000;
  subject.step(Array.from({ length: count }, (_, i) => created(i + 1, `o${i}`, { x: 0 })));
  const walks = [
    jest.spyOn(Map.prototype, "forEach"),
    jest.spyOn(Map.prototype, "keys"),
    jest.spyOn(Map.prototype, "values"),
    jest.spyOn(Map.prototype, "entries"),
    jest.spyOn(Map.prototype, Symbol.iterator as never),
  ];
  const walksOverAll = (): number => {
    const walked = walks.flatMap(({ mock }) => mock.contexts);
    return walked.filter((map) => map instanceof Map && map.size >= count).length;
  };
  subject.write(update("o1", { x: 1 }), create("mine"));
  subject.step([updated(2, { x: 5 }), updated(3, { x: 5 }), destroyed(4)]);
  subject.step([created(9_999, "mine")], { decided: subject.pending });
  expect(walksOverAll()).toBe(0);
  expect([...subject.replica.view]).toHaveLength(count);
  expect(walksOverAll()).toBe(1);
  for (const walk of walks) walk.mockRestore();
});
