import { SyncError } from "../../lib/errors.ts";
import type { Handlers, HandlerName } from "../../server/handlers.ts";
import type { Checks } from "./checks.ts";
import type { SimProcess } from "./process.ts";
import type { SeededRandom } from "./random.ts";
import type { HandlerScenario } from "./scenario.ts";
import { TOKEN_PROPERTIES } from "./token.ts";

type Answer = (error?: unknown, result?: object, fireEvent?: boolean) => void;

/** An application's database behind the handlers: slow, refusing, failing, silent or changing. */
export class Database {
  readonly handlers: Handlers = {};
  readonly #process: SimProcess;
  readonly #random: SeededRandom;
  readonly #scenario: HandlerScenario;
  readonly #checks: Checks;
  readonly #isRetried: (token: string) => boolean;
  readonly #seen = new Set<string>();
  #renamed = 0;
  /** It answers at once, and refuses nothing. */
  isCalm: () => boolean;

  constructor(
    process: SimProcess,
    random: SeededRandom,
    scenario: HandlerScenario,
    checks: Checks,
    isRetried: (token: string) => boolean,
    isCalm: () => boolean,
  ) {
    this.#process = process;
    this.#random = random;
    this.#scenario = scenario;
    this.#checks = checks;
    this.#isRetried = isRetried;
    this.isCalm = isCalm;
    const has = (name: HandlerName): boolean => scenario.names.includes(name);
    if (has("create")) {
      this.handlers.create = (object, sessionId, callback) => {
        this.#noteFirst("create", String(object.id), object, sessionId);
        return this.#answer(String(object.id), callback, () => this.#created(object));
      };
    }
    if (has("update")) {
      this.handlers.update = (object, _sessionId, callback) =>
        this.#answer(object.id, callback, () => this.#touched(object.id, object));
    }
    if (has("destroy")) {
      this.handlers.destroy = (id, _sessionId, callback) =>
        this.#answer(
          id,
          (error, _result, fireEvent) => callback(error, fireEvent),
          () => undefined,
        ) as Promise<undefined> | undefined;
    }
    if (has("fetch")) {
      this.handlers.fetch = (ids, _sessionId, callback) => {
        this.#later(() => callback(null, ids.map(external)));
      };
    }
  }

  /** A retry must not reach the application again. */
  #noteFirst(name: string, id: string, object: object, sessionId: string | null): void {
    if (sessionId === null) return;
    for (const property of TOKEN_PROPERTIES) {
      const token: unknown = Reflect.get(object, property);
      if (typeof token !== "string" || this.#isRetried(token)) continue;
      const call = `${name} ${id} ${token}`;
      this.#checks.check(!this.#seen.has(call), "G3", () => `a handler saw twice: ${call}`);
      this.#seen.add(call);
    }
  }

  #created(object: object): object | undefined {
    const id: unknown = Reflect.get(object, "id");
    if (id === undefined && this.#isChanging()) {
      this.#renamed += 1;
      return { ...object, id: `db:${this.#process.name}:${this.#renamed}`, h: 1 };
    }
    return this.#touched(String(id), object);
  }

  #touched(id: string, object: object): object | undefined {
    if (isLetThrough(id) || !this.#isChanging() || id.startsWith("bank")) return undefined;
    return { ...object, h: this.#random.below(3) };
  }

  #isChanging(): boolean {
    return this.#random.chance(this.#scenario.changeChance);
  }

  #answer(
    id: string,
    callback: Answer,
    resultOf: () => object | undefined,
  ): Promise<object | undefined> | undefined {
    const { refuseChance, throwChance, hangChance, silentChance } = this.#scenario;
    const random = this.#random;
    if (this.isCalm() || isLetThrough(id)) {
      callback(null, resultOf());
      return undefined;
    }
    if (random.chance(throwChance)) throw new Error("the handler has a bug");
    if (random.chance(hangChance)) return undefined;
    const isRefused = random.chance(refuseChance);
    if (isRefused && random.chance(0.3)) throw new SyncError("refused", "not now");
    const fireEvent = !random.chance(silentChance);
    const style = random.below(4);
    if (style === 0 && fireEvent && !isRefused) {
      return new Promise((resolve) => this.#later(() => resolve(resultOf())));
    }
    this.#later(() => {
      if (isRefused) callback(new Error("the database says no"));
      else callback(null, resultOf(), fireEvent);
      if (style === 1) callback(new Error("a second answer")); // which nobody hears
    });
    return undefined;
  }

  #later(task: () => void): void {
    const delayMs = this.isCalm() ? 0 : this.#random.exponential(this.#scenario.delayMaxMs / 2);
    if (delayMs === 0) task();
    else this.#process.environment.scheduler.after(delayMs, task);
  }
}

/** What leases are made of is no business of an application's handlers, nor what goes one way only. */
function isLetThrough(id: string): boolean {
  return /^(lease(-request|-counter)?|going|coming):/.test(id);
}

/** Objects that only the database has: every second one. */
function external(id: string): object | null {
  const number = Number(/^ext:(\d+)$/.exec(id)?.[1] ?? NaN);
  return number % 2 === 0 ? { id, e: number } : null;
}
