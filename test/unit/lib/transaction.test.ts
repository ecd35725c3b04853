import { expect, test } from "@jest/globals";
import { DEFAULT_LIMITS } from "../../../lib/limits.ts";
import type { Operation } from "../../../lib/operation.ts";
import { collect, type Transaction } from "../../../lib/transaction.ts";
import { codeOf } from "../../support/hostile.ts";

/** An object as the application has it from `get`. */
const HELD = { id: "held", x: 1 };

test("the very object that was given out is no change to it: a copy is", () => {
  for (const write of ["save", "update"] as const) {
    expect(codeOf(() => collected((steps) => steps[write](HELD)))).toBe("invalid_payload");
  }
  const copied = collected((steps) => steps.save({ ...HELD, x: 2 }));
  expect(copied).toEqual([{ kind: "update", id: "held", changes: { x: 2 } }]);
});

function collected(fill: (steps: Transaction) => unknown): readonly Operation[] {
  let drawn = 0;
  const get = (id: string): object | undefined => (id === HELD.id ? HELD : undefined);
  return collect(fill, DEFAULT_LIMITS, () => `drawn${++drawn}`, get);
}

test("what is saved without an id is created, with one updated", () => {
  const operations = collected((steps) => {
    expect(steps.save({ x: 1, y: undefined })).toBe("drawn1");
    expect(steps.save({ id: undefined })).toBe("drawn2");
    expect(steps.save({ id: "a", x: 1, y: undefined })).toBe("a");
    expect(steps.create({ id: "b", x: 1 })).toBe("b");
    steps.destroy("c");
  });
  expect(operations).toStrictEqual([
    { kind: "create", id: "drawn1", properties: { x: 1 }, chosen: false },
    { kind: "create", id: "drawn2", properties: {}, chosen: false },
    { kind: "update", id: "a", changes: { x: 1, y: undefined } },
    { kind: "create", id: "b", properties: { x: 1 }, chosen: true },
    { kind: "destroy", id: "c" },
  ]);
});

test("what is written is copied", () => {
  const list = [1];
  const object = { id: "a", list };
  const [operation] = collected((steps) => steps.save(object));
  list.push(2);
  object.id = "b";
  expect(operation).toMatchObject({ id: "a", changes: { list: [1] } });
});

test("what cannot be written is refused at once, by its code", () => {
  const codes = (write: (steps: Transaction) => unknown) => codeOf(() => collected(write));
  for (const object of [null, undefined, 5, "a", [], [{ id: "a" }], () => 1]) {
    expect(codes((steps) => steps.save(object as never))).toBe("invalid_payload");
    expect(codes((steps) => steps.create(object as never))).toBe("invalid_payload");
    expect(codes((steps) => steps.update(object as never))).toBe("invalid_payload");
  }
  expect(codes((steps) => steps.update({ x: 1 }))).toBe("invalid_id");
  expect(codes((steps) => steps.save({ id: "" }))).toBe("invalid_id");
  expect(codes((steps) => steps.save({ id: 5 as never }))).toBe("invalid_id");
  expect(codes((steps) => steps.destroy(undefined as never))).toBe("invalid_id");
  expect(codes((steps) => steps.save({ id: "a", x: NaN }))).toBe("invalid_value");
});

test("a transaction has at most 1,000 operations", () => {
  const fill = (count: number) => (steps: Transaction) => {
    for (let i = 0; i < count; i++) steps.destroy("a");
  };
  expect(collected(fill(1_000))).toHaveLength(1_000);
  expect(codeOf(() => collected(fill(1_001)))).toBe("limit_exceeded");
});

test("a function that throws writes nothing, and what it threw comes out", () => {
  const fault = new Error("mine");
  expect(() =>
    collected((steps) => {
      steps.save({ x: 1 });
      throw fault;
    }),
  ).toThrow(fault);
});

test("an async function writes nothing, also later", async () => {
  let later: Promise<unknown> = Promise.resolve();
  const fill = (steps: Transaction) => {
    later = (async () => {
      await Promise.resolve();
      steps.save({ x: 1 });
    })();
    return later;
  };
  expect(codeOf(() => collected(fill))).toBe("invalid_payload");
  await expect(later).rejects.toMatchObject({ code: "invalid_payload" });
});

test("a transaction that is over takes nothing more", () => {
  let kept: Transaction | undefined;
  const operations = collected((steps) => {
    kept = steps;
    steps.destroy("a");
  });
  expect(codeOf(() => kept?.destroy("b"))).toBe("invalid_payload");
  expect(operations).toHaveLength(1);
});
