import { readFileSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import { createContext, runInContext } from "node:vm";

/** One scenario of a page's QUnit, and what it has asserted. */
export interface Scenario {
  readonly name: string;
  readonly assertions: { readonly isTrue: boolean; readonly message: string }[];
  /** As many as it says that it makes, if it does. */
  readonly expected: number | undefined;
}

interface Planned {
  readonly scenario: Scenario;
  readonly run: () => void;
}

/** Clients' local stamps are the time in milliseconds: what is in one of them is not told apart. */
const BETWEEN_MS = 5;

/**
 * As much of a page as a test for QUnit needs: a window, jQuery's `ready`, requests to `origin`, and
 * QUnit itself, whose scenarios run one after another.
 */
export class Page {
  readonly #window: object;
  readonly #planned: Planned[] = [];
  #running: Scenario | undefined;
  #next: () => void = () => undefined;
  #fail: (error: Error) => void = () => undefined;

  constructor(origin: string, globals: object) {
    const window: Record<string, unknown> = {
      ...globals,
      ...this.#qUnit(),
      XMLHttpRequest: requestsTo(origin, (error) => this.fail(error)),
      console: { log: () => undefined, error: () => undefined },
      document: {},
      $: () => ({ ready: (start: () => void) => start() }),
      setTimeout,
      clearTimeout,
    };
    window["window"] = window;
    this.#window = createContext(window);
  }

  /** Runs a script as the page would, with `changes` made to its text: each must be found. */
  load(file: string, changes: Readonly<Record<string, string>> = {}): void {
    let text = readFileSync(file, "utf8");
    for (const [from, to] of Object.entries(changes)) {
      if (!text.includes(from)) throw new Error(`${file} has no ${from}`);
      text = text.replaceAll(from, to);
    }
    runInContext(text, this.#window, { filename: file });
  }

  /** All scenarios, when the last has ended. */
  async run(): Promise<readonly Scenario[]> {
    for (const { scenario, run } of this.#planned) {
      await new Promise((resolve) => setTimeout(resolve, BETWEEN_MS));
      this.#running = scenario;
      await new Promise<void>((resolve, reject) => {
        this.#next = resolve;
        this.#fail = reject;
        run();
      });
    }
    return this.#planned.map(({ scenario }) => scenario);
  }

  /** Something failed that nothing in the page hears of. */
  fail(error: Error): void {
    this.#fail(error);
  }

  #qUnit(): object {
    const assert = (isTrue: boolean, message = ""): void => {
      this.#running?.assertions.push({ isTrue, message });
    };
    const plan = (name: string, ...rest: [number | (() => void), (() => void)?]): void => {
      const [first, second] = rest;
      const expected = typeof first === "number" ? first : undefined;
      const run = typeof first === "number" ? second : first;
      if (run !== undefined)
        this.#planned.push({ scenario: { name, expected, assertions: [] }, run });
    };
    return {
      module: () => undefined,
      asyncTest: plan,
      start: () => this.#next(),
      ok: (value: unknown, message?: string) => assert(Boolean(value), message),
      equals: (one: unknown, other: unknown, message?: string) =>
        // eslint-disable-next-line eqeqeq -- as QUnit had it: a row's 0 is equal to false
        assert(one == other, message),
      same: (one: unknown, other: unknown, message?: string) =>
        assert(isDeepStrictEqual(toPlain(one), toPlain(other)), message),
    };
  }
}

/** Of the page or of this realm, alike. */
function toPlain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}

/** A page's XMLHttpRequest, as far as persistence.sync.js uses it. */
function requestsTo(origin: string, onError: (error: Error) => void): new () => object {
  return class {
    readyState = 0;
    status = 0;
    responseText = "";
    onreadystatechange: () => void = () => undefined;
    readonly #headers = new Headers();
    #method = "";
    #uri = "";

    open(method: string, uri: string): void {
      this.#method = method;
      this.#uri = origin + uri;
    }

    setRequestHeader(name: string, value: string): void {
      this.#headers.set(name, value);
    }

    send(body?: string): void {
      const init = { method: this.#method, headers: this.#headers, body: body ?? null };
      void fetch(this.#uri, init)
        .then(async (response) => {
          this.responseText = await response.text();
          this.status = response.status;
          this.readyState = 4;
          this.onreadystatechange();
        })
        .catch(onError);
    }
  };
}
