import { setTimeout as pause } from "node:timers/promises";
import { SeededRandom } from "../simulation/random.ts";
import type { Canaries } from "../support/eavesdropper.ts";
import { Attack, type Battlefield } from "./attack.ts";
import { someKind } from "./attacks/index.ts";
import type { AttackKind } from "./attacks/kind.ts";
import { Journal } from "./journal.ts";
import { WELCOME } from "./web-socket.ts";

/** Attacks at once. */
const LANES = 6;
/** How long one may take. */
const ATTACK_MS = 3_000;
const LOOK_EVERY_MS = 100;
/** What the server says when it has caught what it did not expect. */
const CAUGHT = "the server failed on this";

export interface AssaultOptions {
  readonly seed: number;
  readonly port: number;
  readonly tokens: ReadonlyMap<string, string>;
  /** What no attacker may hear. */
  readonly canaries: Canaries;
  /** Only this attack, over and over. */
  readonly attack: number | undefined;
}

/** A while of attacks. */
export interface Wave {
  readonly mayLeaveBehind: boolean;
  /** From then on no attack begins. */
  readonly isOver: () => boolean;
  /** Once it is not, attacks that have begun are given up. */
  readonly isWell: () => boolean;
}

/** All attacks of a run: numbered, each with what the seed and its number make of it. */
export class Assault {
  readonly journal = new Journal();
  readonly problems: string[] = [];
  /** How many there were of each kind. */
  readonly counts = new Map<string, number>();
  heardBytes = 0;
  /** Connections that were welcomed. */
  admitted = 0;
  readonly #options: AssaultOptions;
  #number = 0;
  /** The heavy attacks so far: one after another. */
  #heavy = Promise.resolve();

  constructor(options: AssaultOptions) {
    this.#options = options;
  }

  get started(): number {
    return this.#number;
  }

  /** Resolves when all connections are closed. */
  async wave(wave: Wave): Promise<void> {
    const { port, tokens } = this.#options;
    const { mayLeaveBehind } = wave;
    const field = { port, tokens, journal: this.journal, mayLeaveBehind };
    const lane = async (): Promise<void> => {
      while (!wave.isOver()) await this.#attack(field, wave);
    };
    await Promise.all(Array.from({ length: LANES }, lane));
  }

  async #attack(field: Battlefield, wave: Wave): Promise<void> {
    const { seed, attack: only } = this.#options;
    const number = only ?? this.#number;
    this.#number += 1;
    const random = new SeededRandom(seed).fork(`attack ${number}`);
    const kind = someKind(random);

    this.counts.set(kind.name, (this.counts.get(kind.name) ?? 0) + 1);
    const attack = new Attack(`${kind.name} ${number}`, random, field);
    if (kind.isHeavy === true) {
      this.#heavy = this.#heavy.then(() => this.#run(attack, kind, wave));
      await this.#heavy;
    } else await this.#run(attack, kind, wave);
  }

  async #run(attack: Attack, kind: AttackKind, { isWell }: Wave): Promise<void> {
    const { canaries } = this.#options;
    const { random } = attack;
    const timer = setTimeout(() => attack.stop(), ATTACK_MS);
    const watch = setInterval(() => {
      if (!isWell()) attack.stop();
    }, LOOK_EVERY_MS);
    try {
      await kind.run(attack);
      if (random.chance(0.2)) await pause(random.below(20)); // and then it is gone
    } catch (cause) {
      this.problems.push(`fuzzer: the attack ${attack.name} fails: ${String(cause)}`);
    }
    clearTimeout(timer);
    clearInterval(watch);
    attack.stop();
    for (const wire of attack.wires) {
      this.heardBytes += wire.heardBytes;
      const { heard } = wire;
      if (heard.includes(WELCOME)) this.admitted += 1;
      for (const name of canaries.in([heard])) {
        this.problems.push(`leak: ${name} is told to ${attack.user} in the attack ${attack.name}`);
      }
      const caughtAt = heard.indexOf(CAUGHT);
      if (caughtAt === -1) continue;
      const told = heard.toString("latin1", Math.max(0, caughtAt - 100), caughtAt + 100);
      this.problems.push(`fault behind a guard, in the attack ${attack.name}: ${told}`);
    }
    await attack.clean();
  }
}
