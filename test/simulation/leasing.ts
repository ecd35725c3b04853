import { repeatedly, type Context } from "./context.ts";
import { leaseName } from "./guarded.ts";
import type { LeaseOracle } from "./lease-oracle.ts";
import type { LeaseFault, LeaseScenario } from "./lease-scenario.ts";
import { LeaseWorker } from "./lease-worker.ts";
import type { SeededRandom } from "./random.ts";
import type { ServerNode } from "./server-node.ts";

/** How soon another takes the place of a worker that is gone. */
const REPLACE_MEAN_MS = 700;

/** What they have to do with. */
export interface Landlord {
  server(): ServerNode;
  crashServer(): void;
  closeServer(): void;
}

/** Workers that have leases, wait for them, die with them, and come back too late. */
export class Leasing {
  readonly #context: Context;
  readonly #scenario: LeaseScenario;
  readonly #oracle: LeaseOracle;
  readonly #landlord: Landlord;
  readonly #random: SeededRandom;
  readonly #workers: (LeaseWorker | undefined)[] = [];
  readonly #lives: number[] = [];
  /** Workers whose client was closed, and whose process goes on. */
  readonly #retired: LeaseWorker[] = [];

  constructor(context: Context, oracle: LeaseOracle, landlord: Landlord) {
    this.#context = context;
    this.#scenario = context.scenario.leases as LeaseScenario;
    this.#oracle = oracle;
    this.#landlord = landlord;
    this.#random = context.random.fork("leasing");
  }

  begin(): void {
    const { timeline, isCalm } = this.#context;
    const { workers, faults, faultMeanMs, endMeanMs } = this.#scenario;
    for (let index = 0; index < workers; index++) {
      this.#workers.push(undefined);
      timeline.after(this.#random.between(0, 1_000), () => this.#start(index));
    }
    const often = (name: string, meanMs: number, act: (random: SeededRandom) => void): void => {
      const random = this.#random.fork(name);
      repeatedly(timeline, random, meanMs, () => {
        if (!isCalm()) act(random);
        return !isCalm();
      });
    };
    if (faults.length > 0) {
      often("faults", faultMeanMs, (random) => this.#strike(random.pick(faults), random));
    }
    often("ends", endMeanMs, (random) => this.#endOne(random));
  }

  heal(): void {
    this.#landlord.server().process.wake();
    this.#oracle.woken();
    for (const worker of [...this.#living, ...this.#retired]) {
      worker.process.wake();
      if (!worker.isClosed) worker.connect();
    }
  }

  /** Nobody has a lease, or wants one, and nothing is left of those who are gone. */
  get isQuiet(): boolean {
    const { objects } = this.#landlord.server();
    const isLeft = [...objects.keys()].some((id) => /^lease(-request)?:/.test(id));
    return !isLeft && this.#workers.every((worker) => worker?.isQuiet === true);
  }

  /** For whoever wonders why it is not quiet. */
  get state(): string {
    const left = [...this.#landlord.server().objects.keys()].filter((id) => id.startsWith("lease"));
    const workers = this.#workers.map((worker) => worker?.state ?? "none");
    return `; workers ${workers.join("; ")}; left ${left.join()}`;
  }

  /** After each event: what they are certain of is so. */
  check(): void {
    for (const worker of this.#living) if (worker.process.takeHasRun()) worker.check();
  }

  /** The store has something else of leases than before. */
  checkAll(): void {
    for (const worker of this.#living) worker.check();
  }

  conclude(): void {
    for (const worker of this.#living) worker.checkSettled();
  }

  get #living(): LeaseWorker[] {
    return this.#workers.filter((worker) => worker !== undefined);
  }

  #start(index: number): void {
    const life = this.#lives[index] ?? 0;
    this.#lives[index] = life + 1;
    const { timeline, random, isCalm } = this.#context;
    const worker = new LeaseWorker(this.#context, this.#scenario, this.#oracle, `l${index}`, life);
    this.#workers[index] = worker;
    const often = (name: string, meanMs: number, act: () => void): void => {
      repeatedly(timeline, random.fork(`${worker.key} ${name}`), meanMs, () => {
        const isOver = isCalm() || this.#workers[index] !== worker;
        if (!isOver) act();
        return !isOver;
      });
    };
    often("wants", this.#scenario.restMeanMs, () => worker.act());
    often("meddles", this.#scenario.meddleMeanMs, () => worker.meddle());
  }

  #strike(fault: LeaseFault, random: SeededRandom): void {
    const { trace, timeline, network } = this.#context;
    const server = this.#landlord.server();
    const outageMs = random.exponential(this.#scenario.outageMeanMs);
    if (fault === "crashServer") this.#landlord.crashServer();
    else if (fault === "closeServer") this.#landlord.closeServer();
    else if (fault === "haltServer") {
      if (!server.isOpen || server.process.isHalted) return;
      trace.add(timeline.now, server.key, `stands still for ${outageMs}`);
      this.#oracle.halted(outageMs);
      server.process.halt(outageMs);
    } else {
      const worker = random.pick(this.#workers);
      if (worker === undefined) return;
      trace.add(timeline.now, worker.key, `suffers: ${fault}`);
      if (fault === "crash") this.#crash(worker, random);
      else if (fault === "halt") worker.process.halt(outageMs);
      else if (fault === "disconnect") this.#disconnect(worker, outageMs);
      else if (fault === "close") {
        worker.close();
        this.#retired.push(worker);
        this.#replace(worker, random);
      } else {
        if (fault === "block") network.block(nameOf(worker), outageMs);
        this.#cut(worker, random.between(0, 500), random.between(0, 500));
      }
    }
    this.#context.checks.saw(`leases: ${fault}`);
  }

  #crash(worker: LeaseWorker, random: SeededRandom): void {
    worker.process.kill();
    this.#cut(worker, 0, random.chance(0.7) ? 20 : 40_000);
    this.#replace(worker, random);
  }

  #disconnect(worker: LeaseWorker, forMs: number): void {
    worker.disconnect();
    this.#context.timeline.after(forMs, () => {
      if (!worker.isClosed) worker.connect();
    });
  }

  #cut({ process }: LeaseWorker, clientNoticesMs: number, serverNoticesMs: number): void {
    for (const connection of this.#context.network.connections)
      if (connection.client.process === process)
        connection.cut({ clientNoticesMs, serverNoticesMs });
  }

  #replace(worker: LeaseWorker, random: SeededRandom): void {
    const index = this.#workers.indexOf(worker);
    this.#workers[index] = undefined;
    const delayMs = random.exponential(REPLACE_MEAN_MS);
    this.#context.timeline.after(delayMs, () => this.#start(index));
  }

  /** The server's application ends somebody's lease. */
  #endOne(random: SeededRandom): void {
    const server = this.#landlord.server();
    const name = leaseName(random.below(this.#scenario.names));
    const holder = (server.objects.get(`lease:${name}`) as { holder?: string } | undefined)?.holder;
    if (holder === undefined || !server.isOpen) return;
    this.#oracle.ended(holder);
    server.endLease(holder);
    this.#context.checks.saw("a lease is ended");
  }
}

function nameOf({ key }: LeaseWorker): string {
  return key.slice(0, key.lastIndexOf("-"));
}
