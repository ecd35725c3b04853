import { openSync, readSync } from "node:fs";
import { monitorEventLoopDelay, performance, PerformanceObserver } from "node:perf_hooks";

/** What a turn of the event loop may take of the CPU; less to look for what takes long. */
const STALL_MS = Number(process.env["FUZZ_STALL_MS"] ?? 100);
/** How often it is looked: a turn may be longer by so much before it is noticed. */
const PERIOD_MS = 5;
const NS_PER_MS = 1e6;

/** One turn of the loop that took too long. */
export interface Stall {
  /** When it was over, in milliseconds since 1970. */
  readonly endedAt: number;
  /** What the thread had of the CPU meanwhile. */
  readonly cpuMs: number;
  /** How many times as long as at best a piece of work took right after. */
  readonly slowness: number;
  readonly wallMs: number;
  /** How much of it was spent on collecting garbage. */
  readonly gcMs: number;
}

export interface Delays {
  readonly stalls: readonly Stall[];
  /** As monitorEventLoopDelay has it: this counts the time as well in which others had the CPU. */
  readonly longestMs: number;
  readonly p99Ms: number;
}

interface Interval {
  readonly from: number;
  readonly to: number;
}

/**
 * Notices turns of the event loop that are too long. A process that is merely not scheduled, as on a
 * machine that does other things as well, has not stalled: a turn counts by the CPU that the thread had
 * in it. Pauses of the garbage collector count, for they are the process's own.
 */
export class StallProbe {
  readonly #cpuMs = threadCpu();
  readonly #delay = monitorEventLoopDelay({ resolution: PERIOD_MS });
  readonly #collections: Interval[] = [];
  readonly #found: { interval: Interval; cpuMs: number; slowness: number }[] = [];
  readonly #pace: Pace;
  #timer: NodeJS.Timeout | undefined;
  #lastAt = 0;
  #lastCpuMs = 0;
  #longestMs = 0;
  #p99Ms = 0;

  constructor() {
    const observer = new PerformanceObserver((list) => {
      for (const { startTime, duration } of list.getEntries()) {
        this.#collections.push({ from: startTime, to: startTime + duration });
      }
      this.#collections.splice(0, this.#collections.length - 1_000);
    });
    observer.observe({ entryTypes: ["gc"] });
    this.#pace = new Pace(this.#cpuMs);
    this.#delay.enable();
    this.#start();
  }

  /** What is done meanwhile is the fuzzer's own. */
  async excuse<Result>(work: () => Promise<Result>): Promise<Result> {
    clearInterval(this.#timer);
    this.#longestMs = Math.max(this.#longestMs, this.#delay.max / NS_PER_MS);
    this.#p99Ms = Math.max(this.#p99Ms, this.#delay.percentile(99) / NS_PER_MS);
    try {
      return await work();
    } finally {
      this.#delay.reset();
      this.#start();
    }
  }

  /** Since the process began. */
  get delays(): Delays {
    const stalls = this.#found.map(({ interval, cpuMs, slowness }) => ({
      endedAt: Math.round(performance.timeOrigin + interval.to),
      cpuMs: Math.round(cpuMs),
      slowness,
      wallMs: Math.round(interval.to - interval.from),
      gcMs: Math.round(this.#collections.reduce((sum, one) => sum + common(one, interval), 0)),
    }));
    return { stalls, longestMs: Math.round(this.#longestMs), p99Ms: Math.round(this.#p99Ms) };
  }

  #start(): void {
    this.#lastAt = performance.now();
    this.#lastCpuMs = this.#cpuMs();
    this.#timer = setInterval(() => this.#look(), PERIOD_MS).unref();
  }

  #look(): void {
    const now = performance.now();
    const cpuMs = this.#cpuMs();
    const interval = { from: this.#lastAt, to: now };
    // Of the time since the last look, all but PERIOD_MS at most was one turn: timers run once in each.
    const turnMs = Math.min(now - this.#lastAt, cpuMs - this.#lastCpuMs) - PERIOD_MS;
    const isLong = turnMs > STALL_MS;
    const slowness = isLong ? this.#pace.slowness() : 1;
    if (turnMs > STALL_MS * slowness) {
      this.#found.push({ interval, cpuMs: cpuMs - this.#lastCpuMs, slowness });
    }
    // What was just measured is the fuzzer's own.
    this.#lastAt = isLong ? performance.now() : now;
    this.#lastCpuMs = isLong ? this.#cpuMs() : cpuMs;
  }
}

/**
 * How fast the machine is right now. Where others use the same cores and caches, the same work takes up to
 * twice the time of the CPU.
 */
class Pace {
  readonly #cpuMs: () => number;
  readonly #bestMs: number;

  constructor(cpuMs: () => number) {
    this.#cpuMs = cpuMs;
    this.#bestMs = Math.min(...Array.from({ length: 8 }, () => this.#workMs()));
  }

  /** At least 1. */
  slowness(): number {
    const mean = (this.#workMs() + this.#workMs() + this.#workMs()) / 3;
    return Math.max(1, mean / this.#bestMs);
  }

  /** About 20 ms, on an ordinary machine, of what a server does: it makes objects and texts. */
  #workMs(): number {
    const startedMs = this.#cpuMs();
    const made = Array.from({ length: 60_000 }, (_, i) => ({ id: `object:${i}`, values: [i] }));
    JSON.stringify(made);
    return Math.max(1, this.#cpuMs() - startedMs);
  }
}

function common(a: Interval, b: Interval): number {
  return Math.max(0, Math.min(a.to, b.to) - Math.max(a.from, b.from));
}

/**
 * What the main thread had of the CPU, in milliseconds: Node tells it of whole processes only, where
 * threads that hash and collect count as well. Linux tells it; elsewhere it is the process's.
 */
function threadCpu(): () => number {
  const buffer = Buffer.alloc(64);
  const ofThread = (file: number): number => {
    const length = readSync(file, buffer, 0, buffer.length, 0);
    return Number(buffer.toString("latin1", 0, length).split(" ", 1)[0]) / NS_PER_MS;
  };
  try {
    const file = openSync("/proc/self/schedstat", "r");
    if (ofThread(file) > 0) return () => ofThread(file);
  } catch {
    // It is no Linux.
  }
  return () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1_000;
  };
}
