import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { SeededRandom } from "../simulation/random.ts";
import { Canaries } from "../support/eavesdropper.ts";
import { Assault } from "./assault.ts";
import type { Honest } from "./honest.ts";
import { someHonest } from "./some-honest.ts";
import { describeStall, growthProblems, mib, surplus } from "./verdict.ts";
import type { Complaints, Measurement } from "./victim.ts";
import { VictimProcess } from "./victim-process.ts";
import { ATTACKERS, tokenOf } from "./victim-world.ts";

export interface FuzzOptions {
  readonly seed: number;
  readonly durationMs: number;
  /** Only this attack, over and over. */
  readonly attack: number | undefined;
  /** Of planted-fault.ts; none when it is empty. */
  readonly fault: string;
  readonly log: (line: string) => void;
}

/** What came of a run. */
export interface FuzzReport {
  readonly seed: number;
  /** What is wrong; empty when nothing is. Each begins with one of a few words, and a colon. */
  readonly problems: readonly string[];
  /** What was sent last before it went wrong. */
  readonly trace: readonly string[];
  /** How many attacks there were of each kind. */
  readonly attacks: Readonly<Record<string, number>>;
  /** Connections over which attackers were welcomed. */
  readonly admitted: number;
  readonly sentBytes: number;
  readonly heardBytes: number;
  /** The victim's heap after each wave. */
  readonly heapsMiB: readonly string[];
  /** Calls of each honest client that were accepted. */
  readonly accepted: readonly number[];
  readonly longestDelayMs: number;
}

/** Code that runs for the first time takes ten times as long as ever after: these turns do not count. */
const WARM_UP_MS = 6_000;
/** So many, if they are neither too short nor too long. */
const WAVES = 12;
const WAVE_MIN_MS = 1_000;
const WAVE_MAX_MS = 20_000;
/** Fewer show no growth, however slow the machine is. */
const WAVES_MIN = 6;
/**
 * What has grown is attacked for as long again, and judged by that alone: what is compiled, cached and
 * pooled comes to an end, however fast the machine is; a leak does not.
 */
const ROUNDS_OF_GROWTH = 4;
/** engine.io gives up on a session by polling after its ping interval and its ping timeout, 45 s. */
const LEFT_BEHIND_MS = 50_000;
/** More than anything takes that comes to an end; for a fault that was planted it is not waited so long. */
const SETTLE_MS = 75_000;
const SETTLE_WITH_FAULT_MS = 10_000;
const LOOK_EVERY_MS = 200;
const TRACE_LINES = 25;

/** Attacks a server in waves, measures it at rest between them, and judges it. */
export async function fuzz(options: FuzzOptions): Promise<FuzzReport> {
  const folder = mkdtempSync(join(tmpdir(), "object-sync-fuzz-"));
  const victim = await VictimProcess.start(join(folder, "worlds.db"), options.fault);
  try {
    const before = await victim.ask("measure");
    const canaries = new Canaries();
    const secrets = [...canaries.values(), ...canaries.values()];
    const honest = await someHonest(victim.port, secrets, new SeededRandom(options.seed));
    const tokens = new Map<string, string>();
    for (const user of ATTACKERS) tokens.set(user, await tokenOf(user));
    const { seed, attack } = options;
    const assault = new Assault({ seed, attack, port: victim.port, tokens, canaries });
    const run = new Run(options, victim, honest, assault);
    await run.fight();
    await run.makePeace(before);
    return run.report();
  } finally {
    await victim.kill();
    rmSync(folder, { recursive: true });
  }
}

class Run {
  readonly #options: FuzzOptions;
  readonly #victim: VictimProcess;
  readonly #honest: readonly Honest[];
  readonly #assault: Assault;
  readonly #rests: Measurement[] = [];
  readonly #problems: string[] = [];
  /** When it went wrong, in milliseconds since 1970. */
  #wrongAt: number | undefined;
  /** When no further wave begins, by performance.now(). */
  #endsAt = 0;
  /** In milliseconds since 1970. */
  readonly #warmAt = Date.now() + WARM_UP_MS;

  constructor(
    options: FuzzOptions,
    victim: VictimProcess,
    honest: readonly Honest[],
    assault: Assault,
  ) {
    this.#options = options;
    this.#victim = victim;
    this.#honest = honest;
    this.#assault = assault;
  }

  /** Wave after wave, until the time is over or something is wrong. */
  async fight(): Promise<void> {
    for (const one of this.#honest) one.start();
    await this.#guarded(async () => {
      let growth: string[] = [];
      for (let round = 0; round < ROUNDS_OF_GROWTH; round++) {
        growth = growthProblems(await this.#round());
        if (growth.length === 0 || !this.#isWell) return;
        for (const one of growth) this.#options.log(one);
      }
      this.#problem(...growth);
    });
  }

  /** Waves for as long as was asked for; what the heap was after each of them, in bytes. */
  async #round(): Promise<number[]> {
    const first = this.#rests.length;
    this.#endsAt = performance.now() + this.#options.durationMs;
    const isOver = (): boolean =>
      performance.now() >= this.#endsAt && this.#rests.length - first >= WAVES_MIN;
    while (this.#isWell && !isOver()) await this.#wave();
    return this.#rests.slice(first).map(({ heapBytes }) => heapBytes);
  }

  /** All that was begun must come to an end, and be as it should be. */
  async makePeace(before: Measurement): Promise<void> {
    for (const one of this.#honest) await one.stop();
    if (this.#isWell) {
      await this.#guarded(async () => {
        await this.#settles("honest", () => this.#honest.flatMap(({ open }) => open));
        await this.#settles("convergence", () => this.#disagreements());
        this.#problem(...this.#honest.flatMap(({ problems }) => problems).map(honestly));
      });
    }
    for (const { sync } of this.#honest) await sync.close();
    if (!this.#isWell) return;
    await this.#guarded(async () => {
      await this.#settles("left behind", async () => {
        const { resources, sessions } = await this.#victim.ask("measure");
        const more = surplus(before.resources, resources);
        return sessions === 0 ? more : [...more, `${sessions} sessions`];
      });
      const exitCode = await this.#victim.stop();
      if (exitCode !== 0) this.#problem(`end: ${this.#victim.end}`);
    });
  }

  report(): FuzzReport {
    const { counts, admitted, heardBytes, journal } = this.#assault;
    const trace = this.#isWell ? [] : journal.before(this.#wrongAt ?? Date.now(), TRACE_LINES);
    return {
      seed: this.#options.seed,
      problems: this.#problems,
      trace,
      attacks: Object.fromEntries(counts),
      admitted,
      sentBytes: journal.bytes,
      heardBytes,
      heapsMiB: this.#rests.map(({ heapBytes }) => mib(heapBytes)),
      accepted: this.#honest.map(({ accepted }) => accepted),
      longestDelayMs: Math.max(0, ...this.#rests.map(({ delays }) => delays.longestMs)),
    };
  }

  get #isWell(): boolean {
    return this.#problems.length === 0;
  }

  #problem(...problems: string[]): void {
    if (problems.length === 0) return;
    this.#wrongAt ??= Date.now();
    this.#problems.push(...problems);
  }

  /** A victim that is no more, or does not answer, fails all that is asked of it. */
  async #guarded(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      const end = this.#victim.isOver ? `: ${this.#victim.end}` : "";
      this.#problem(`end: ${error instanceof Error ? error.message : String(error)}${end}`);
    }
  }

  async #wave(): Promise<void> {
    const { durationMs, log } = this.#options;
    const now = performance.now();
    const waveMs = Math.min(WAVE_MAX_MS, Math.max(WAVE_MIN_MS, durationMs / WAVES));
    const endsAt = Math.min(now + waveMs, Math.max(now + WAVE_MIN_MS, this.#endsAt));
    const mayLeaveBehind = this.#endsAt - now > LEFT_BEHIND_MS;
    let isWatching = true;
    const watching = this.#guarded(() => this.#watch(() => isWatching));
    await this.#assault.wave({
      mayLeaveBehind,
      isOver: () => performance.now() > endsAt || !this.#isWell,
      isWell: () => this.#isWell,
    });
    isWatching = false;
    await watching;
    this.#problem(...this.#assault.problems.splice(0));
    if (!this.#isWell) return;
    const swept = await this.#victim.ask("sweep");
    const rest = await this.#victim.ask("measure");
    await this.#victim.ask("switchHandlers");
    this.#rests.push(rest);
    this.#hear(rest);
    log(
      `${this.#assault.started} attacks, ${this.#assault.admitted} welcomes, ${mib(this.#assault.journal.bytes)} MiB sent, ` +
        `${mib(this.#assault.heardBytes)} MiB heard, ${swept} objects left, ${rest.sessions} sessions, ` +
        `heap ${mib(rest.heapBytes)} MiB, longest delay ${rest.delays.longestMs} ms`,
    );
  }

  /** What the victim tells of its loop, while it is attacked: what was sent before is known then. */
  async #watch(isWatching: () => boolean): Promise<void> {
    while (isWatching() && this.#isWell) {
      this.#hear(await this.#victim.ask("complaints"));
      await pause(LOOK_EVERY_MS);
    }
  }

  #hear({ delays, faults }: Complaints): void {
    const stalls = delays.stalls.filter(({ endedAt }) => endedAt > this.#warmAt);
    this.#wrongAt ??= stalls[0]?.endedAt;
    this.#problem(...stalls.map(describeStall), ...faults);
  }

  async #disagreements(): Promise<string[]> {
    const [all = [], arena = []] = await this.#victim.ask("objects");
    return this.#honest.flatMap((one) =>
      one.disagreements(one.options.isDirected === true ? arena : all),
    );
  }

  /** Waits until nothing is to be told of any more. */
  async #settles(what: string, look: () => Promise<string[]> | string[]): Promise<void> {
    const patienceMs = this.#options.fault === "" ? SETTLE_MS : SETTLE_WITH_FAULT_MS;
    const endsAt = performance.now() + patienceMs;
    let told = await look();
    while (told.length > 0 && performance.now() < endsAt) {
      await pause(LOOK_EVERY_MS);
      told = await look();
    }
    this.#problem(...told.map((one) => `${what}: ${one}`));
  }
}

function honestly(problem: string): string {
  return `honest: ${problem}`;
}
