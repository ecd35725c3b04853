import type { ClientNode } from "./client-node.ts";
import { repeatedly, type Context } from "./context.ts";
import type { SeededRandom } from "./random.ts";
import type { ServerNode } from "./server-node.ts";
import { CROWD_USER } from "./token.ts";
import { RESTLESS_IDS, type Flutter } from "./workload.ts";

/** Whom it befalls. */
export interface Restless {
  clients(): readonly ClientNode[];
  server(): ServerNode;
}

/** Has objects come into view and leave it, and clients come, go and ask for something else together. */
export class Unrest {
  readonly #context: Context;
  readonly #random: SeededRandom;
  readonly #restless: Restless;

  constructor(context: Context, random: SeededRandom, restless: Restless) {
    this.#context = context;
    this.#random = random;
    this.#restless = restless;
  }

  begin(): void {
    const { views } = this.#context.scenario;
    if (views === undefined) return;
    this.#repeatedly("stir", views.stirMeanMs, () => this.#restless.server().stir());
    this.#repeatedly("flutter", views.flutterMeanMs, (random) => this.#flutter(random));
    const { crowd } = views;
    if (crowd !== undefined) {
      this.#repeatedly("crowd", crowd.meanMs, (random) => this.#gather(random));
    }
  }

  #repeatedly(name: string, meanMs: number, act: (random: SeededRandom) => void): void {
    const { timeline, isCalm } = this.#context;
    const random = this.#random.fork(name);
    repeatedly(timeline, random, meanMs, () => {
      if (!isCalm()) act(random);
      return !isCalm();
    });
  }

  /** One object comes and goes several times: within one flush, between pages, or slower. */
  #flutter(random: SeededRandom): void {
    const { timeline, isCalm } = this.#context;
    const flutter = someFlutter(random);
    const pauseMs = random.pick([0, 3, 20, 150]);
    const times = 2 + random.below(5);
    let delayMs = 0;
    for (let time = 0; time < times; time++) {
      timeline.after(delayMs, () => {
        if (!isCalm()) this.#restless.server().flutter(flutter, time);
      });
      delayMs += random.between(0, pauseMs);
    }
  }

  /** Most of the crowd come back, so that their views are opened anew; or all ask for the same. */
  #gather(random: SeededRandom): void {
    const { timeline, isCalm, checks } = this.#context;
    const areComing = random.chance(0.5);
    const which = random.below(4);
    const withinMs = random.pick([0, 20, 300]);
    checks.saw(areComing ? "a crowd comes" : "a crowd turns");
    for (const client of this.#restless.clients()) {
      const laterMs = random.between(0, withinMs);
      if (random.chance(0.2) || (areComing && client.user !== CROWD_USER)) continue;
      if (areComing) client.disconnect();
      timeline.after(laterMs, () => {
        if (client.isClosed) return;
        if (areComing) client.connect();
        else if (!isCalm()) client.gather(which);
      });
    }
  }
}

function someFlutter(random: SeededRandom): Flutter {
  const values = [undefined, 0, 1, 2, 3];
  const value = random.pick(values);
  return {
    id: `shared:${random.below(RESTLESS_IDS)}`,
    values: [value, random.pick(values.filter((other) => other !== value))],
    isRemade: random.chance(0.2),
  };
}
