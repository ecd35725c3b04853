import { expect, test } from "@jest/globals";
import { SyncError } from "../../../lib/errors.ts";
import { SERVER_LIMITS } from "../../../lib/limits.ts";
import { resolveOptions, type ServerOptions } from "../../../server/options.ts";
import { MemoryStore } from "../../../server/stores/memory.ts";

const resolve = (options: ServerOptions, isProduction = false) =>
  resolveOptions(options, () => new MemoryStore(), isProduction);

test("without options there is everything", () => {
  expect(resolve({})).toEqual({
    store: new MemoryStore(),
    conflicts: "merge",
    references: {},
    ephemeral: [],
    sessionObjects: [],
    handlers: {},
    authenticate: undefined,
    authorize: undefined,
    open: false,
    path: "/object-sync",
    namespace: "/object-sync",
    flush: "auto",
    limits: SERVER_LIMITS,
    worlds: [],
  });
});

test("what is given stands, and the path loses the slash at its end", () => {
  const store = new MemoryStore();
  const handlers = { create: () => undefined };
  const resolved = resolve({
    store,
    handlers,
    path: "/live/",
    namespace: "/",
    flush: 16,
    limits: { idBytesMax: 8 },
    worlds: ["forest"],
    ephemeral: ["shot"],
    sessionObjects: ["player"],
  });
  expect(resolved).toMatchObject({ ephemeral: ["shot"], sessionObjects: ["player"] });
  expect(resolved.store).toBe(store);
  expect(Object.keys(resolved.handlers)).toEqual(["create"]);
  expect(resolved).toMatchObject({ path: "/live", namespace: "/", flush: 16, worlds: ["forest"] });
  expect(resolved.limits).toEqual({ ...SERVER_LIMITS, idBytesMax: 8 });
});

test.each<[what: string, options: object, property: string]>([
  ["a namespace without a slash", { namespace: "arena" }, "namespace"],
  ["a path with a query", { path: "/a?b" }, "path"],
  ["a path with a space", { path: "/a b" }, "path"],
  ["a path that is no text", { path: 7 }, "path"],
  ["worlds that are no list", { worlds: "forest" }, "worlds"],
  ["a world that has no name", { worlds: [5] }, "worlds"],
  ["a store that is none", { store: "worlds.db" }, "store"],
  ["an authenticate that is no function", { authenticate: "ann" }, "authenticate"],
  ["ephemeral namespaces that are no list", { ephemeral: "player" }, "ephemeral"],
  ["an ephemeral namespace with its colon", { ephemeral: ["player:"] }, "ephemeral"],
  ["conflicts of a namespace with its colon", { conflicts: { "task:": "detect" } }, "conflicts"],
  ["conflicts in no known way", { conflicts: { task: "refuse" } }, "conflicts"],
  ["references of one with its colon", { references: { "task:": ["project"] } }, "references"],
  ["session objects without a namespace", { sessionObjects: [""] }, "sessionObjects"],
  ["a limit of 0", { limits: { pageBytes: 0 } }, "pageBytes"],
  ["a limit of the client's", { limits: { retryDelayMinMs: 5 } }, "retryDelayMinMs"],
])("%s is a bad_option that names it", (_what, options, property) => {
  let thrown: unknown;
  try {
    resolve(options);
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toBeInstanceOf(SyncError);
  expect(thrown).toMatchObject({ code: "bad_option", property });
});

test("only production asks for an authorize, or to be told that everyone may write", () => {
  expect(() => resolve({}, true)).toThrow(expect.objectContaining({ property: "open" }));
  expect(() => resolve({ open: false }, true)).toThrow();
  expect(resolve({ open: true }, true).open).toBe(true);
  expect(() => resolve({ authorize: () => true }, true)).not.toThrow();
});
