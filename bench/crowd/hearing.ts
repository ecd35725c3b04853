import { usage } from "../processes/usage.ts";
import { now } from "../world.ts";
import { Latencies } from "./latencies.ts";
import { bytesReceived } from "./sockets.ts";

/** What the clients of this process heard of others, since `begin` or since it came to be. */
export interface Heard {
  /** Events at all clients together. */
  readonly updates: number;
  readonly bytes: number;
  readonly cpuMicros: number;
  readonly elapsedMs: number;
  readonly latencyP50Ms: number;
  readonly latencyP99Ms: number;
}

/** Counts what clients are told, and measures how late that is. */
export class Hearing {
  readonly #latencies = new Latencies();
  #updates = 0;
  #start = this.#sums();

  /** A client is told something that happened at `t`; undefined when nobody looks at the clock. */
  hear(t?: number): void {
    this.#updates += 1;
    if (t !== undefined) this.#latencies.record(now() - t);
  }

  begin(): void {
    this.#latencies.clear();
    this.#start = this.#sums();
  }

  heard(): Heard {
    const start = this.#start;
    const end = this.#sums();
    return {
      updates: end.updates - start.updates,
      bytes: end.bytes - start.bytes,
      cpuMicros: end.cpuMicros - start.cpuMicros,
      elapsedMs: end.atMs - start.atMs,
      latencyP50Ms: this.#latencies.quantile(0.5),
      latencyP99Ms: this.#latencies.quantile(0.99),
    };
  }

  #sums() {
    return { updates: this.#updates, bytes: bytesReceived(), ...usage() };
  }
}
