/** What this process has used since it started, and when that was so. */
export interface Usage {
  /** User and system. */
  readonly cpuMicros: number;
  /** What of it the system took for calls of this process: mostly its sockets. */
  readonly systemMicros: number;
  readonly atMs: number;
}

export function usage(): Usage {
  const { user, system } = process.cpuUsage();
  return { cpuMicros: user + system, systemMicros: system, atMs: performance.now() };
}

export interface Memory {
  /** On V8's heap and in the buffers that belong to it. */
  readonly heapBytes: number;
  readonly rssBytes: number;
}

/** After the garbage is gone. */
export async function memory(): Promise<Memory> {
  if (globalThis.gc === undefined) throw new Error("needs node --expose-gc");
  // What is freed by finalizers, and what they free, takes another turn each.
  for (let i = 0; i < 4; i += 1) {
    globalThis.gc();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const { heapUsed, external, rss } = process.memoryUsage();
  return { heapBytes: heapUsed + external, rssBytes: rss };
}
