import type { Connect } from "../../lib/link.ts";
import type { ClientStorage } from "../../client/storage/storage.ts";
import type { Context } from "./context.ts";
import type { SeededRandom } from "./random.ts";
import type { Interruption, VisitScenario } from "./visit-scenario.ts";

/** What can befall a client that is on a visit. */
export interface Strikes {
  cut(): void;
  clientCrash(): void;
  serverCrash(): void;
  disconnect(): void;
}

/**
 * Ends visits before they are over: with the first, second, ... of what a client sends, is told, or has
 * its storage do.
 */
export class Interruptions {
  readonly #context: Context;
  readonly #random: SeededRandom;
  readonly #scenario: VisitScenario;
  readonly #strikes: Strikes;
  /** How much is still to happen before it strikes. */
  #stepsLeft = Infinity;
  #kind: Interruption = "cut";

  constructor(context: Context, random: SeededRandom, scenario: VisitScenario, strikes: Strikes) {
    this.#context = context;
    this.#random = random;
    this.#scenario = scenario;
    this.#strikes = strikes;
  }

  /** A visit begins. */
  begin(): void {
    const { interruptChance, interruptions, stepsMax } = this.#scenario;
    const random = this.#random;
    this.#stepsLeft = Infinity;
    if (this.#context.isCalm() || !random.chance(interruptChance)) return;
    this.#kind = random.pick(interruptions);
    this.#stepsLeft = random.below(stepsMax);
  }

  /** It is over. */
  end(): void {
    this.#stepsLeft = Infinity;
  }

  connect(connect: Connect): Connect {
    return (hello, events) => {
      this.#step();
      const link = connect(hello, {
        opened: () => events.opened(),
        message: (bytes) => {
          events.message(bytes);
          this.#step();
        },
        drained: () => events.drained(),
        closed: (error, reconnect) => events.closed(error, reconnect),
      });
      return {
        send: (message) => {
          link.send(message);
          this.#step();
        },
        close: () => link.close(),
      };
    };
  }

  storage(storage: ClientStorage): ClientStorage {
    const step = <Result>(result: Result): Result => {
      this.#step();
      return result;
    };
    return {
      read: (prefix) => step(storage.read(prefix)),
      write: (changes) => step(storage.write(changes)),
      lock: (name) => step(storage.lock(name)),
      close: () => storage.close(),
    };
  }

  #step(): void {
    if (this.#stepsLeft-- > 0) return;
    this.#stepsLeft = Infinity;
    const { timeline, isCalm, checks } = this.#context;
    const kind = this.#kind;
    // What is on its way may still come, or not.
    const delayMs = this.#random.chance(0.5) ? 0 : this.#random.between(0, 60);
    timeline.after(delayMs, () => {
      if (isCalm()) return;
      checks.saw(`visit interrupted by ${kind}`);
      this.#strikes[kind]();
    });
  }
}
