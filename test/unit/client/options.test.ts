import { expect, test } from "@jest/globals";

import { ObjectSync, type ObjectSyncOptions } from "../../../client/index.ts";

function problemOf(options: object, url = "http://localhost:1"): unknown {
  try {
    void new ObjectSync(url, { autoConnect: false, ...(options as ObjectSyncOptions) }).close();
    return undefined;
  } catch (error) {
    const { code, property } = error as { code: unknown; property: unknown };
    return `${String(code)} ${String(property)}`;
  }
}

test("an option that cannot be used is named", () => {
  const bad: [object, string][] = [
    [{ auto_reconnect: true }, "auto_reconnect"],
    [{ world: "" }, "world"],
    [{ path: "sync" }, "path"],
    [{ namespace: 7 }, "namespace"],
    [{ transports: [] }, "transports"],
    [{ transports: ["pigeon"] }, "transports"],
    [{ optimistic: "yes" }, "optimistic"],
    [{ autoConnect: 1 }, "autoConnect"],
    [{ namespaces: { draft: { sync: "never" } } }, "namespaces"],
    [{ namespaces: { "draft:": { sync: false } } }, "namespaces"],
    [{ references: { "task:": ["project"] } }, "references"],
    [{ limits: null }, "limits"],
    [{ limits: { writesMax: NaN } }, "writesMax"],
    [{ limits: { writesMax: -1 } }, "writesMax"],
    [{ limits: { wishesMax: 3 } }, "wishesMax"],
  ];
  for (const [options, name] of bad) expect(problemOf(options)).toBe(`bad_option ${name}`);
});

test.each([
  [{ live: false }, "`explicit` of object-sync/explicit"],
  [{ onConflict: () => undefined }, "`resolveWith(...)` of object-sync/conflicts"],
  [{ storage: "notes" }, "object-sync/storage/"],
])("of %j it is said what has to be imported", (options, what) => {
  const [name = ""] = Object.keys(options);
  expect(problemOf(options)).toBe(`bad_option ${name}`);
  expect(() => new ObjectSync("http://localhost:1", options as never)).toThrow(what);
});

test("a url that leads nowhere is refused", () => {
  for (const url of ["", "localhost:3000", "ftp://localhost", "http://"]) {
    expect(problemOf({}, url)).toBe("bad_option url");
  }
  expect(() => new ObjectSync()).toThrow("a url must be given");
});

test("options may be left out or undefined", () => {
  expect(problemOf({ world: undefined, limits: { writesMax: 5 } })).toBeUndefined();
  expect(problemOf({}, "ws://localhost:1")).toBeUndefined();
});
