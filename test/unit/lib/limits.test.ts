import { expect, test } from "@jest/globals";
import {
  CLIENT_LIMITS,
  COMMON_LIMITS,
  DEFAULT_LIMITS,
  resolveLimits,
  SERVER_LIMITS,
} from "../../../lib/limits.ts";

test("without options the limits are the defaults", () => {
  expect(resolveLimits(undefined, DEFAULT_LIMITS)).toEqual(DEFAULT_LIMITS);
  expect(resolveLimits({}, CLIENT_LIMITS)).toEqual(CLIENT_LIMITS);
});

test("an application's own limits take the place of the defaults", () => {
  const limits = resolveLimits({ depthMax: 3 }, DEFAULT_LIMITS);
  expect(limits).toEqual({ ...DEFAULT_LIMITS, depthMax: 3 });
  expect(DEFAULT_LIMITS.depthMax).toBe(32);
});

test("a limit that does not exist is refused by its name", () => {
  for (const name of ["dephtMax", "toString", "constructor", "__proto__", ""]) {
    const given = JSON.parse(`{"${name}": 5}`) as object;
    expect(() => resolveLimits(given, DEFAULT_LIMITS)).toThrow(
      expect.objectContaining({ code: "bad_option", property: name }),
    );
  }
  expect(() => resolveLimits({ sessionsMax: 5 } as object, CLIENT_LIMITS)).toThrow("sessionsMax");
});

test("a limit is a whole number above 0", () => {
  const bad = [0, -1, 1.5, NaN, Infinity, 2 ** 53, "5", null, undefined, {}, 5n];
  for (const value of bad) {
    const given = { depthMax: value } as object;
    expect(() => resolveLimits(given, DEFAULT_LIMITS)).toThrow(
      expect.objectContaining({ code: "bad_option", property: "depthMax" }),
    );
  }
  expect(resolveLimits({ depthMax: 1 }, DEFAULT_LIMITS).depthMax).toBe(1);
});

test("both sides keep to the common limits", () => {
  expect(CLIENT_LIMITS).toMatchObject(COMMON_LIMITS);
  expect(SERVER_LIMITS).toMatchObject(COMMON_LIMITS);
  expect(DEFAULT_LIMITS).toEqual({ ...CLIENT_LIMITS, ...SERVER_LIMITS });
});
