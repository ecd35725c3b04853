import { repeatedly, type Context } from "./context.ts";
import { Device } from "./device.ts";
import { Hermit, type Cell } from "./hermit.ts";
import type { HermitScenario } from "./hermit-scenario.ts";
import { Home } from "./home.ts";
import type { Posted } from "./posted.ts";
import type { SeededRandom } from "./random.ts";
import type { ServerNode } from "./server-node.ts";

const REPLACE_MEAN_MS = 700;

/** Clients that are not live, and have objects that go one way only, or nowhere. */
export class Hermits {
  readonly #context: Context;
  readonly #scenario: HermitScenario;
  readonly #posted: Posted;
  readonly #server: () => ServerNode;
  readonly #random: SeededRandom;
  readonly #hermits: (Hermit | undefined)[] = [];
  readonly #cells: Cell[] = [];
  readonly #lives: number[] = [];

  constructor(context: Context, posted: Posted, server: () => ServerNode) {
    this.#context = context;
    this.#scenario = context.scenario.hermits as HermitScenario;
    this.#posted = posted;
    this.#server = server;
    this.#random = context.random.fork("hermits");
  }

  begin(): void {
    const { timeline, isCalm } = this.#context;
    const { hermits, serverMeanMs, delayMaxMs } = this.#scenario;
    for (let index = 0; index < hermits; index++) {
      const scenario = { isShared: false, delayMaxMs, failChance: 0 };
      const stream = this.#random.fork(`device ${index}`);
      const device = new Device(timeline, stream, scenario, isCalm);
      this.#cells.push({ device, home: new Home() });
      this.#hermits.push(undefined);
      timeline.after(this.#random.between(0, 1_000), () => this.#start(index));
    }
    const random = this.#random.fork("server");
    repeatedly(timeline, random, serverMeanMs, () => {
      if (!isCalm()) this.#server().post(random);
      return !isCalm();
    });
  }

  /** They go until they have nothing left to do. */
  settle(): void {
    for (const hermit of this.#living) hermit.settle();
  }

  /** What was posted before everything healed may be stored after they have come back. */
  newsCame(): void {
    const { timeline, isCalm } = this.#context;
    if (isCalm()) timeline.after(0, () => this.settle());
  }

  get isQuiet(): boolean {
    return this.#hermits.every((hermit) => hermit?.isQuiet === true);
  }

  /** For whoever wonders why it is not quiet. */
  get state(): string {
    return `; hermits ${this.#hermits.map((hermit) => hermit?.state ?? "none").join("; ")}`;
  }

  check(): void {
    for (const hermit of this.#living) if (hermit.process.takeHasRun()) hermit.check();
  }

  conclude(): void {
    for (const hermit of this.#living) hermit.conclude();
  }

  get #living(): Hermit[] {
    return this.#hermits.filter((hermit) => hermit !== undefined);
  }

  #start(index: number): void {
    const life = this.#lives[index] ?? 0;
    this.#lives[index] = life + 1;
    const { timeline, random, isCalm } = this.#context;
    const scenario = this.#scenario;
    const cell = this.#cells[index] as Cell;
    const hermit = new Hermit(this.#context, scenario, cell, this.#posted, `h${index}_h`, life);
    this.#hermits[index] = hermit;
    const stream = random.fork(`${hermit.key} actions`);
    repeatedly(timeline, stream, scenario.actionMeanMs, () => {
      if (isCalm() || this.#hermits[index] !== hermit) return false;
      if (stream.chance(scenario.crashChance)) this.#crash(hermit, index, stream);
      else hermit.act();
      return true;
    });
    if (isCalm()) hermit.settle();
  }

  #crash(hermit: Hermit, index: number, random: SeededRandom): void {
    const { network, timeline, checks } = this.#context;
    checks.saw("hermit crashes");
    hermit.crash();
    for (const connection of network.connections)
      if (connection.client.process === hermit.process)
        connection.cut({ clientNoticesMs: 0, serverNoticesMs: 20 });
    this.#hermits[index] = undefined;
    timeline.after(random.exponential(REPLACE_MEAN_MS), () => this.#start(index));
  }
}
