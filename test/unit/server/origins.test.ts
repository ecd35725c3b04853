import { expect, test } from "@jest/globals";
import { checkOrigins, isWelcome, type Origins } from "../../../server/origins.ts";
import { codeOf } from "../../support/hostile.ts";

const HOST = "example.com:3000";

test.each<[origin: string, host: string, isEncrypted: boolean, isOwn: boolean]>([
  ["http://example.com:3000", HOST, false, true],
  ["https://example.com:3000", HOST, false, true], // a proxy ends TLS
  ["https://example.com:3000", HOST, true, true],
  ["http://example.com:3000", HOST, true, false],
  ["http://example.com", "example.com", false, true],
  ["http://example.com", "example.com:80", false, true],
  ["https://example.com", "example.com:443", true, true],
  ["http://[::1]:3000", "[::1]:3000", false, true],
  ["http://example.com", HOST, false, false],
  ["http://example.com:3001", HOST, false, false],
  ["http://example.com.evil.org:3000", HOST, false, false],
  ["http://evil-example.com:3000", HOST, false, false],
  ["http://example.com@evil.org:3000", HOST, false, false],
  ["http://example.com:3000@evil.org", HOST, false, false],
  ["http://example.com:3000/", HOST, false, false],
  ["http://example.com:3000#.evil.org", HOST, false, false],
  ["HTTP://EXAMPLE.COM:3000", HOST, false, false],
  ["http://exаmple.com:3000", HOST, false, false], // a Cyrillic а
  ["ftp://example.com:3000", HOST, false, false],
  ["chrome-extension://example.com:3000", HOST, false, false],
  ["null", HOST, false, false],
  ["file://", HOST, false, false],
  ["", HOST, false, false],
  ["http://", "", false, false],
  ["undefined", HOST, false, false],
])(
  "a page of %j at a server of %j, encrypted %j, is its own: %j",
  (origin, host, isEncrypted, isOwn) => {
    expect(isWelcome({ headers: { origin, host }, isEncrypted }, undefined)).toBe(isOwn);
  },
);

const welcomes = (origins: Origins, headers: Record<string, string | string[]>): boolean =>
  isWelcome({ headers: { host: HOST, ...headers }, isEncrypted: false }, origins);

test("of a list, exactly these pages may connect", () => {
  const origins = ["https://a.org", "https://b.org:8443"];
  for (const origin of origins) expect(welcomes(origins, { origin })).toBe(true);
  for (const origin of [
    "http://a.org",
    "https://a.org.",
    "https://b.org",
    "null",
    `http://${HOST}`,
  ]) {
    expect(welcomes(origins, { origin })).toBe(false);
  }
  expect(welcomes(origins, { origin: origins })).toBe(false); // two headers
});

test("what is no browser may connect, and a page's plain request for another site may not", () => {
  expect(welcomes([], {})).toBe(true);
  expect(welcomes([], { "sec-fetch-site": "same-origin" })).toBe(true);
  expect(welcomes([], { "sec-fetch-site": "cross-site" })).toBe(false);
  expect(welcomes([], { "sec-fetch-site": "same-site" })).toBe(false);
});

test("any page may connect when that is asked for", () => {
  for (const origin of ["null", "https://evil.org"]) expect(welcomes("*", { origin })).toBe(true);
});

test.each([
  [["https://a.org/"]],
  [["a.org"]],
  [["https://A.org"]],
  [["*"]],
  [["null"]],
  [[7]],
  ["https://a.org"],
  [true],
  [null],
])("origins of %j are no option", (origins) => {
  expect(codeOf(() => checkOrigins(origins))).toBe("bad_option");
});
