import { afterEach, beforeEach, expect, jest, test } from "@jest/globals";
import { realEnvironment } from "../../../server/environment.ts";

const DAY_MS = 24 * 3_600_000;

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

test("a task may be as far away as it likes, and runs once", () => {
  let runs = 0;
  realEnvironment.scheduler.after(60 * DAY_MS, () => (runs += 1));
  jest.advanceTimersByTime(60 * DAY_MS - 1);
  expect(runs).toBe(0);
  jest.advanceTimersByTime(1);
  expect(runs).toBe(1);
  expect(jest.getTimerCount()).toBe(0);
});

test.each([0, 30])("a far task can be given up after %d days", (days) => {
  let runs = 0;
  const cancel = realEnvironment.scheduler.after(60 * DAY_MS, () => (runs += 1));
  jest.advanceTimersByTime(days * DAY_MS);
  cancel();
  expect(jest.getTimerCount()).toBe(0);
  jest.advanceTimersByTime(100 * DAY_MS);
  expect(runs).toBe(0);
});
