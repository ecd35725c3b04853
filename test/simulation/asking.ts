import type { Client } from "../../client/client.ts";
import type { Topic } from "../../lib/topics.ts";
import type { SeededRandom } from "./random.ts";
import { BANK, someTopic, type Asked } from "./selection.ts";
import type { ViewScenario } from "./view-scenario.ts";
import type { WriteLog } from "./write-log.ts";

const SUBSCRIPTIONS_MAX = 5;

interface Standing {
  readonly topic: Topic;
  readonly undo: () => void;
}

/** What the application of one client asks to be shown, and how it changes its mind. */
export class Asking {
  /** For the client's options. */
  readonly initial: Asked;
  readonly #random: SeededRandom;
  /** What most clients ask for, so that some are shown the same. */
  readonly #popular: readonly Topic[];
  readonly #log: WriteLog;
  #standing: readonly Standing[] = [];

  /** All clients are given the same stream for what is `popular`. */
  constructor(
    random: SeededRandom,
    popular: SeededRandom,
    scenario: ViewScenario | undefined,
    log: WriteLog,
  ) {
    this.#random = random;
    this.#popular = [someTopic(popular), someTopic(popular)];
    this.#log = log;
    if (!random.chance(scenario?.partialChance ?? 0)) return;
    const own = Array.from({ length: random.below(3) }, () => this.#topic());
    // In a crowd all can come to ask for the same: only what was asked for later can be taken back.
    this.initial = scenario?.crowd === undefined ? [BANK, ...own] : [BANK];
  }

  /** Besides what was fetched. */
  get wanted(): Asked {
    return this.initial && [...this.initial, ...this.#standing.map(({ topic }) => topic)];
  }

  /** Asks for more, or takes back some of what it asked for. */
  turn(client: Client): void {
    const random = this.#random;
    const { length } = this.#standing;
    if (length > 0 && random.chance(length / SUBSCRIPTIONS_MAX)) {
      const gone = random.pick(this.#standing);
      this.#standing = this.#standing.filter((one) => one !== gone);
      gone.undo();
      if (random.chance(0.5)) return;
    }
    this.#ask(client, this.#topic());
  }

  /** Asks for one of four parts of what is popular, and for nothing else, as others do. */
  gather(client: Client, which: number): void {
    const wanted = this.#popular.filter((_, i) => (which & (1 << i)) !== 0);
    const isWanted = ({ topic }: Standing): boolean => wanted.includes(topic);
    const gone = this.#standing.filter((one) => !isWanted(one));
    this.#standing = this.#standing.filter(isWanted);
    for (const { undo } of gone) undo();
    for (const topic of wanted) {
      if (!this.#standing.some((one) => one.topic === topic)) this.#ask(client, topic);
    }
  }

  #ask(client: Client, topic: Topic): void {
    this.#log.issue("fetch", this.#log.nextOrder(), (callback) => {
      const undo = client.subscribe(topic);
      this.#standing = [...this.#standing, { topic, undo }];
      undo.ready.then(() => callback(null), callback);
      return { steps: [], promise: undo.ready };
    });
  }

  #topic(): Topic {
    return this.#random.chance(0.8) ? this.#random.pick(this.#popular) : someTopic(this.#random);
  }
}
