import { expect, test } from "@jest/globals";
import { SyncError } from "../../../lib/errors.ts";
import {
  callHandler,
  bindHandlers,
  silently,
  type Answered,
  type HandlerContext,
  type HandlerName,
  type Handlers,
} from "../../../server/handlers.ts";
import { codeOf } from "../../support/hostile.ts";
import { FakeEnvironment } from "../client/fake-server.ts";

const TIMEOUT_MS = 100;
const TREE = { id: "tree" };
const CONTEXT = { world: "garden", identity: undefined, step: null };

type AnyCallback = (...answer: unknown[]) => void;

function call(
  handler: (
    subject: unknown,
    sessionId: unknown,
    callback: AnyCallback,
    context: HandlerContext,
  ) => unknown,
  name: HandlerName = "create",
): { answer: Promise<Answered>; environment: FakeEnvironment } {
  const environment = new FakeEnvironment();
  const { scheduler } = environment;
  const answer = callHandler(name, handler, TREE, "session", CONTEXT, TIMEOUT_MS, scheduler);
  answer.catch(() => undefined);
  return { answer, environment };
}

/** A handler that returns its answer has no place for a callback. */
const returning = (answer: unknown) => ((_subject: unknown) => answer) as () => unknown;

test("a handler gets the subject, the session, a callback and on whose behalf", async () => {
  const given: unknown[] = [];
  const { answer } = call((subject, sessionId, callback, context) => {
    given.push(subject, sessionId, context);
    callback(null);
  });
  await answer;
  expect(given).toEqual([TREE, "session", CONTEXT]);
});

test.each<[what: string, answer: unknown[], result: unknown, isSilent: boolean]>([
  ["nothing", [], undefined, false],
  ["no error and no object", [null, null], undefined, false],
  ["an object", [null, { id: "oak" }], { id: "oak" }, false],
  ["undefined as its error", [undefined, { id: "oak" }], { id: "oak" }, false],
  ["fireEvent = true", [null, { id: "oak" }, true], { id: "oak" }, false],
  ["fireEvent = false", [null, { id: "oak" }, false], { id: "oak" }, true],
  ["fireEvent = 0, which is not false", [null, null, 0], undefined, false],
])("a callback may be given %s", async (_what, given, result, isSilent) => {
  const { answer } = call((_subject, _sessionId, callback) => callback(...given));
  expect(await answer).toEqual({ result, isSilent });
});

test("the callback of destroy takes fireEvent in second place", async () => {
  const answered = async (...given: unknown[]): Promise<Answered> =>
    call((_subject, _sessionId, callback) => callback(...given), "destroy").answer;
  expect(await answered(null)).toEqual({ result: undefined, isSilent: false });
  expect(await answered(null, true)).toEqual({ result: undefined, isSilent: false });
  expect(await answered(null, false)).toEqual({ result: undefined, isSilent: true });
});

test.each<[what: string, answer: unknown, result: unknown, isSilent: boolean]>([
  ["nothing", undefined, undefined, false],
  ["null", null, undefined, false],
  ["an object", TREE, TREE, false],
  ["a promise of an object", Promise.resolve(TREE), TREE, false],
  ["an object silently", silently(TREE), TREE, true],
  ["a promise of nothing, silently", Promise.resolve(silently()), undefined, true],
])("a handler may return %s", async (_what, answer, result, isSilent) => {
  expect(await call(returning(answer)).answer).toEqual({ result, isSilent });
});

test("an async handler may also take the callback, and answers by what comes first", async () => {
  const byCallback = call(async (_subject, _sessionId, callback) => {
    callback(null, TREE);
    return Promise.resolve({ id: "late" });
  });
  expect(await byCallback.answer).toEqual({ result: TREE, isSilent: false });
});

test.each<[what: string, error: unknown, code: string, message: string]>([
  ["an Error", new Error("no room"), "refused", "no room"],
  ["a text", "no room", "refused", "no room"],
  ["false", false, "refused", "false"],
  ["a SyncError", new SyncError("forbidden", "not yours"), "forbidden", "not yours"],
])("%s given to the callback refuses with its message", async (_what, error, code, message) => {
  const { answer } = call((_subject, _sessionId, callback) => callback(error));
  await expect(answer).rejects.toMatchObject({ code, message });
});

test.each<[how: string, handler: () => unknown]>([
  [
    "throws",
    () => {
      throw new Error("secret");
    },
  ],
  ["rejects", () => Promise.reject(new Error("secret"))],
])(
  "a handler that %s is handler_failed, and its message is not passed on",
  async (_how, handler) => {
    const { answer } = call(handler);
    await expect(answer).rejects.toMatchObject({
      code: "handler_failed",
      message: expect.not.stringContaining("secret"),
      cause: new Error("secret"),
    });
  },
);

test("a SyncError that is thrown refuses as it is", async () => {
  const { answer } = call(() => Promise.reject(new SyncError("not_found", "no such tree")));
  await expect(answer).rejects.toMatchObject({ code: "not_found", message: "no such tree" });
});

test("a handler that takes a callback and never calls it is a timeout, and a late answer is ignored", async () => {
  let late: AnyCallback = () => undefined;
  const { answer, environment } = call((_subject, _sessionId, callback) => {
    late = callback;
  });
  environment.advance(TIMEOUT_MS - 1);
  expect(environment.nextMs).toBe(1);
  environment.advance(1);
  await expect(answer).rejects.toMatchObject({ code: "timeout" });
  expect(() => late(null, TREE)).not.toThrow();
});

test("the first answer counts, whatever comes after it, and leaves no timer behind", async () => {
  const { answer, environment } = call((_subject, _sessionId, callback) => {
    callback(null, TREE);
    callback(new Error("again"));
    throw new Error("and then");
  });
  expect(await answer).toEqual({ result: TREE, isSilent: false });
  expect(environment.nextMs).toBeUndefined();
});

test("handlers have known names, and are functions or left out", () => {
  const given: unknown = { create: () => ({ id: "oak" }), fetch: undefined };
  const bound = bindHandlers(given as Handlers);
  expect(Object.keys(bound)).toEqual(["create"]);
  for (const slip of [{ ceate: () => undefined }, { create: "insert" }, "handlers", null]) {
    expect(codeOf(() => bindHandlers(slip as Handlers))).toBe("bad_option");
  }
});

test("handlers may be methods, which find their object", () => {
  class Trees {
    readonly rows = new Map([["oak", { id: "oak", height: 3 }]]);

    fetch(ids: readonly string[]): ({ id: string } | null)[] {
      return ids.map((id) => this.rows.get(id) ?? null);
    }
  }
  const handlers = bindHandlers(new Trees());
  expect(handlers.fetch?.(["oak", "elm"], null, () => undefined, CONTEXT)).toEqual([
    { id: "oak", height: 3 },
    null,
  ]);
});
