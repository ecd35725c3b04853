import { expect, test } from "@jest/globals";
import { setImmediate as nextTurn } from "node:timers/promises";
import { KeyedQueue } from "../../../server/keyed-queue.ts";

/** A task that ends when it is told to, and notes when it begins and ends. */
function newTasks(queue: KeyedQueue) {
  const log: string[] = [];
  const ends = new Map<string, () => void>();
  const run = (name: string, ...keys: string[]): Promise<void> =>
    queue.run(keys, async () => {
      log.push(`${name} begins`);
      await new Promise<void>((resolve) => ends.set(name, resolve));
      log.push(`${name} ends`);
    });
  const end = async (name: string): Promise<void> => {
    ends.get(name)?.();
    await nextTurn();
  };
  return { log, run, end };
}

test("tasks of one key run one after another, in the order they came", async () => {
  const { log, run, end } = newTasks(new KeyedQueue());
  const all = Promise.all([run("a", "tree"), run("b", "tree"), run("c", "tree")]);
  await nextTurn();
  expect(log).toEqual(["a begins"]);
  await end("a");
  expect(log).toEqual(["a begins", "a ends", "b begins"]);
  await end("b");
  await end("c");
  await all;
  expect(log.slice(3)).toEqual(["b ends", "c begins", "c ends"]);
});

test("tasks that share no key run side by side", async () => {
  const { log, run, end } = newTasks(new KeyedQueue());
  const all = Promise.all([run("a", "tree"), run("b", "stone"), run("c")]);
  await nextTurn();
  expect([...log].sort()).toEqual(["a begins", "b begins", "c begins"]);
  for (const name of ["c", "b", "a"]) await end(name);
  await all;
});

test("a task of several keys waits for all of them, and holds them all back", async () => {
  const { log, run, end } = newTasks(new KeyedQueue());
  const all = Promise.all([
    run("a", "tree"),
    run("b", "stone"),
    run("both", "tree", "stone"),
    run("c", "stone"),
    run("d", "flower"),
  ]);
  await nextTurn();
  expect([...log].sort()).toEqual(["a begins", "b begins", "d begins"]);
  await end("a");
  expect(log).not.toContain("both begins");
  await end("b");
  expect(log).toContain("both begins");
  expect(log).not.toContain("c begins");
  await end("both");
  expect(log).toContain("c begins");
  for (const name of ["c", "d"]) await end(name);
  await all;
});

test("a key that is joined to another waits for what came with that one, too", async () => {
  const queue = new KeyedQueue();
  const { log, run, end } = newTasks(queue);
  const all: Promise<void>[] = [run("provisional", "p"), run("other", "row:1")];
  queue.join("p", "row:1");
  all.push(run("later", "row:1"), run("more", "p"));
  await nextTurn();
  await end("other");
  expect(log).not.toContain("later begins");
  await end("provisional");
  expect(log).toContain("later begins");
  expect(log).toContain("more begins");
  for (const name of ["later", "more"]) await end(name);
  await Promise.all(all);
});
