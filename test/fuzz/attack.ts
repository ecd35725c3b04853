import { setTimeout as pause } from "node:timers/promises";
import type { SeededRandom } from "../simulation/random.ts";
import type { Journal } from "./journal.ts";
import { ATTACKERS } from "./victim-world.ts";
import { Wire } from "./wire.ts";

/** How long an attacker waits for an answer. */
export const PATIENCE_MS = 1_500;

/** Of those that may be left behind: the victim holds what it cannot tell them, up to a limit for each. */
const LEFT_BEHIND = 0.2;

/** What all attacks have in common. */
export interface Battlefield {
  readonly port: number;
  /** By user. */
  readonly tokens: ReadonlyMap<string, string>;
  readonly journal: Journal;
  /** Whether sessions may be left behind that the victim gives up only after its ping timeout. */
  readonly mayLeaveBehind: boolean;
}

/**
 * One attack: a few connections, and what is said on them. What it says is decided by its `random` alone,
 * and by what it is answered; when it is said, nobody decides.
 */
export class Attack {
  readonly name: string;
  readonly random: SeededRandom;
  readonly user: string;
  readonly #field: Battlefield;
  readonly #wires: Wire[] = [];
  readonly #left: string[] = [];
  #isOver = false;

  constructor(name: string, random: SeededRandom, field: Battlefield) {
    this.name = name;
    this.random = random;
    this.user = random.pick(ATTACKERS);
    this.#field = field;
  }

  get token(): string {
    return this.#field.tokens.get(this.user) ?? "";
  }

  /** Whether it must come to an end, for the wave is over. */
  get isOver(): boolean {
    return this.#isOver;
  }

  get wires(): readonly Wire[] {
    return this.#wires;
  }

  wire(): Wire {
    const wire = new Wire(this.#field.port, (bytes) => this.#field.journal.note(this.name, bytes));
    this.#wires.push(wire);
    if (this.#isOver) wire.close();
    return wire;
  }

  async pause(ms: number): Promise<void> {
    if (!this.#isOver) await pause(ms);
  }

  /** Notes a session of engine.io that outlives its connections. */
  leaves(sid: string): void {
    this.#left.push(sid);
  }

  /** Ends what is still under way, as a cable does that is pulled. */
  stop(): void {
    this.#isOver = true;
    for (const wire of this.#wires) wire.close();
  }

  /** Has the sessions ended that it has left, unless there is the time to see the victim do it. */
  async clean(): Promise<void> {
    if (this.#field.mayLeaveBehind && this.random.chance(LEFT_BEHIND)) return;
    for (const sid of this.#left) {
      const wire = new Wire(this.#field.port, () => undefined);
      const path = `/object-sync/?EIO=4&transport=polling&sid=${sid}`;
      await wire.send(
        `POST ${path} HTTP/1.1\r\nHost: victim\r\nConnection: close\r\nContent-Length: 1\r\n\r\n1`,
      );
      await wire.isEnded(PATIENCE_MS);
      wire.close();
    }
  }
}
