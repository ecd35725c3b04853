import { expect, test } from "@jest/globals";
import { readFileSync } from "node:fs";
import { atMost, ERROR_CODES, SyncError } from "../../../lib/errors.ts";

const MODULE = "../../../lib/errors.ts";

test("an error says what it is about, and whether to try again", () => {
  const cause = new Error("why");
  const error = new SyncError("unavailable", "not now", {
    id: "a",
    property: "x",
    retryAfterMs: 5,
    cause,
  });
  expect(error).toBeInstanceOf(Error);
  expect(error).toMatchObject({
    name: "SyncError",
    code: "unavailable",
    message: "not now",
    retryable: true,
    id: "a",
    property: "x",
    retryAfterMs: 5,
    cause,
  });
  expect(new SyncError("gone", "gone").retryable).toBe(false);
  expect(String(error)).toBe("SyncError: not now");
});

test("an error travels without its stack and its cause, and comes back as the same error", () => {
  const error = new SyncError("timeout", "late", { id: "a", cause: new Error("secret") });
  const data = error.toData();
  expect(data).toStrictEqual({ code: "timeout", message: "late", id: "a" });
  const back = SyncError.from(data);
  expect(back).toBeInstanceOf(SyncError);
  expect(back).toMatchObject({ code: "timeout", message: "late", id: "a", retryable: true });
  expect(back.cause).toBeUndefined();
});

test("what an error is not about, it does not mention", () => {
  const error = new SyncError("gone", "gone", { id: undefined, retryAfterMs: undefined });
  expect(Object.keys(error).sort()).toEqual(["code", "name", "retryable"]);
  expect(error.toData()).toStrictEqual({ code: "gone", message: "gone" });
});

test("an error of another copy of the class, as another bundle has one, is a SyncError too", async () => {
  const copy = (await import(`${MODULE}?copy`)) as typeof import("../../../lib/errors.ts");
  expect(copy.SyncError).not.toBe(SyncError);
  const theirs = new copy.SyncError("gone", "gone");
  expect(Object.getPrototypeOf(theirs)).not.toBe(SyncError.prototype);
  expect(theirs).toBeInstanceOf(SyncError);
  expect(new SyncError("gone", "gone")).toBeInstanceOf(copy.SyncError);
});

test("nothing else is a SyncError, and what extends it has instances of its own alone", () => {
  class OwnError extends SyncError {}
  const error = new SyncError("gone", "gone");
  const own = new OwnError("gone", "gone");
  for (const other of [
    new Error("gone"),
    error.toData(),
    Object.assign({}, error),
    "gone",
    null,
    undefined,
  ]) {
    expect(other instanceof SyncError).toBe(false);
  }
  expect([own instanceof SyncError, own instanceof OwnError]).toEqual([true, true]);
  expect(error instanceof OwnError).toBe(false);
});

test("a limit that is exceeded is told with its value", () => {
  expect(atMost("an object", 5, "properties", { id: "a" })).toMatchObject({
    code: "limit_exceeded",
    message: "an object has at most 5 properties",
    id: "a",
  });
});

test("docs/ERRORS.md has a heading for each code, and no other", () => {
  const page = readFileSync(new URL("../../../docs/ERRORS.md", import.meta.url), "utf8");
  const headings = [...page.matchAll(/^## `(.+)`$/gm)].map(([, code]) => code);
  expect(headings).toEqual(Object.keys(ERROR_CODES).sort());
});

test("docs/ERRORS.md says of each code whether to try again, as the table does", () => {
  const page = readFileSync(new URL("../../../docs/ERRORS.md", import.meta.url), "utf8");
  const sections = page.split(/^## /m).slice(1);
  const told = sections.map((section) => {
    const code = /^`(.+)`/.exec(section)?.[1] ?? "";
    return [code, /^\*\*Retryable: (yes|no)\.\*\*/m.exec(section)?.[1]];
  });
  const table = Object.entries(ERROR_CODES).map(([code, retryable]) => [
    code,
    retryable ? "yes" : "no",
  ]);
  expect(Object.fromEntries(told)).toEqual(Object.fromEntries(table));
});
