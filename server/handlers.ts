import type { Scheduler } from "../lib/environment.ts";
import { SyncError } from "../lib/errors.ts";
import type { SyncObject } from "../lib/object.ts";
import { isThenable } from "./thenable.ts";

/** `fireEvent: false` changes the world without create, update or destroy events. */
export type HandlerCallback<Result> = (
  error?: unknown,
  result?: Result | null,
  fireEvent?: boolean,
) => void;

type Answer<Result> = Result | Silent<Result> | null | undefined;

/**
 * One step of one write of a client: the same whenever the write comes again, as after a crash that
 * its outcome did not survive. A database that notes it together with what it did takes no step twice.
 */
export interface WriteStep {
  readonly clientId: string;
  /** Which of the client's writes, counted from 1. */
  readonly n: number;
  /** Which of the write's operations, counted from 0. */
  readonly index: number;
}

/** On whose behalf a handler is called. */
export interface HandlerContext {
  readonly world: string;
  /** The writer's; undefined for the server's own code. */
  readonly identity: unknown;
  /** Null for the server's own writes, which nobody sends again, and for a fetch. */
  readonly step: WriteStep | null;
}

/**
 * An application's own database behind a world. A handler runs before its write takes effect; it
 * answers through its third parameter, or returns the answer or a promise of it. It may answer with
 * another object (a created one gets its id in this way), refuse the write with an error for the
 * callback or a thrown SyncError, or wrap its answer in `silently(...)`. `sessionId` is null for
 * the server's own writes.
 *
 * A write whose outcome a crash has kept from being recorded comes again, and so do its steps.
 */
export interface Handlers {
  create?(
    object: Partial<SyncObject>,
    sessionId: string | null,
    callback: HandlerCallback<object>,
    context: HandlerContext,
  ): Answer<object> | void | Promise<Answer<object> | void>;
  /** The whole object as it would be after the update. */
  update?(
    object: SyncObject,
    sessionId: string | null,
    callback: HandlerCallback<object>,
    context: HandlerContext,
  ): Answer<object> | void | Promise<Answer<object> | void>;
  destroy?(
    id: string,
    sessionId: string | null,
    callback: (error?: unknown, fireEvent?: boolean) => void,
    context: HandlerContext,
  ): Answer<void> | Promise<Answer<void>>;
  /** Finds objects that the world does not hold yet; leaves out, or gives null for, what is missing. */
  fetch?(
    ids: readonly string[],
    sessionId: string | null,
    callback: HandlerCallback<readonly (object | null)[]>,
    context: HandlerContext,
  ):
    | readonly (object | null)[]
    | null
    | undefined
    | void
    | Promise<readonly (object | null)[] | null | undefined | void>;
}

export type HandlerName = keyof Handlers;
export const HANDLER_NAMES: readonly HandlerName[] = ["create", "update", "destroy", "fetch"];

class Silent<Result> {
  readonly result: Result | undefined;

  constructor(result: Result | undefined) {
    this.result = result;
  }
}

/** A handler's answer that shall fire no create, update or destroy event. */
export function silently<Result = void>(result?: Result): Silent<Result> {
  return new Silent(result);
}

export interface Answered {
  /** Undefined when the handler leaves the object as it is. */
  readonly result: unknown;
  readonly isSilent: boolean;
}

/** Calls with any number of arguments; what is checked is only whether it has a place for a callback. */
type AnyHandler = (
  subject: unknown,
  sessionId: string | null,
  callback: (...answer: unknown[]) => void,
  context: HandlerContext,
) => unknown;

/**
 * Calls a handler and waits for its one answer. Throws what the handler refuses with: a SyncError
 * as it is, another error given to the callback as `refused` with its message; `handler_failed`
 * for one that is thrown, which is a fault and whose message stays here; `timeout` after
 * `timeoutMs`, and then a late answer is ignored.
 */
export async function callHandler(
  name: HandlerName,
  handler: unknown,
  subject: unknown,
  sessionId: string | null,
  context: HandlerContext,
  timeoutMs: number,
  scheduler: Scheduler,
): Promise<Answered> {
  const answer = new Promise<Answered>((resolve, reject) => {
    const cancel = scheduler.after(timeoutMs, () => {
      reject(new SyncError("timeout", `the ${name} handler did not answer in time`));
    });
    const settle = (act: () => void): void => {
      cancel();
      act();
    };
    const callback = (error?: unknown, ...rest: unknown[]): void => {
      settle(() => {
        if (error !== undefined && error !== null) reject(refusal(error));
        else resolve(fromCallback(name, rest));
      });
    };
    const fail = (error: unknown): void => settle(() => reject(failure(name, error)));
    try {
      const call = handler as AnyHandler;
      const returned = call(subject, sessionId, callback, context);
      if (isThenable(returned)) {
        returned.then((result) => settle(() => resolve(fromReturn(result))), fail);
      } else if (call.length < 3) {
        settle(() => resolve(fromReturn(returned)));
      }
    } catch (error) {
      fail(error);
    }
  });
  return answer;
}

function fromCallback(name: HandlerName, rest: readonly unknown[]): Answered {
  // destroy answers (error, fireEvent), the others (error, result, fireEvent)
  const [result, fireEvent] = name === "destroy" ? [undefined, rest[0]] : rest;
  return { result: result ?? undefined, isSilent: fireEvent === false };
}

function fromReturn(returned: unknown): Answered {
  if (returned instanceof Silent) return { result: returned.result ?? undefined, isSilent: true };
  return { result: returned ?? undefined, isSilent: false };
}

function refusal(error: unknown): SyncError {
  if (error instanceof SyncError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new SyncError("refused", message, { cause: error });
}

function failure(name: HandlerName, error: unknown): SyncError {
  if (error instanceof SyncError) return error;
  return new SyncError("handler_failed", `the ${name} handler failed`, { cause: error });
}

/**
 * The handlers of an application, each bound to the object that it came in: a plain object of them,
 * or one of a class. Throws `bad_option`.
 */
export function bindHandlers(given: Handlers): Handlers {
  if (typeof (given as unknown) !== "object" || (given as unknown) === null) {
    throw badHandlers("handlers", "handlers must be an object of functions");
  }
  // A class may have whatever else it needs; a plain object with another name is a slip.
  const prototype: unknown = Object.getPrototypeOf(given);
  if (prototype === Object.prototype || prototype === null) {
    for (const name of Object.keys(given)) {
      if ((HANDLER_NAMES as readonly string[]).includes(name)) continue;
      throw badHandlers(name, `there is no ${name} handler`);
    }
  }
  const bound: Record<string, unknown> = {};
  for (const name of HANDLER_NAMES) {
    const handler = (given as Record<string, unknown>)[name];
    if (handler === undefined) continue;
    if (typeof handler !== "function") {
      throw badHandlers(name, `the ${name} handler must be a function`);
    }
    bound[name] = handler.bind(given) as unknown;
  }
  return bound;
}

function badHandlers(property: string, message: string): SyncError {
  return new SyncError("bad_option", message, { property });
}
