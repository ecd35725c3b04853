import type { Stall } from "./stall-probe.ts";

const MIB = 1024 * 1024;
/**
 * What is compiled, cached and pooled in a while, and not given back, is not growth: some 3 MiB of code;
 * 2 MiB when the maps of all objects double their tables, as objects come and go; and what is kept of
 * each of 9,000 objects once somebody has written or asked for it.
 */
const GROWTH_MAX_BYTES = 8 * MIB;

/**
 * Growth of what cannot be given back, in bytes: between the first and the last third, and by the line
 * that fits all but the first third best. What counts is the lesser of the two: the former alone can be
 * what is compiled and cached at first, and the latter alone is one odd measurement at the end.
 */
export function growthBytes(heaps: readonly number[]): number {
  if (heaps.length < 3) return 0;
  const third = Math.floor(heaps.length / 3);
  const step = median(heaps.slice(-third)) - median(heaps.slice(0, third));
  const rest = heaps.slice(third);
  return Math.min(step, slope(rest) * (rest.length - 1));
}

/** What is wrong with these heaps, each after a wave of attacks. */
export function growthProblems(heaps: readonly number[]): string[] {
  const growth = growthBytes(heaps);
  if (growth <= GROWTH_MAX_BYTES) return [];
  return [`growth: the heap has grown by ${mib(growth)} MiB: ${heaps.map(mib).join(", ")}`];
}

export function describeStall({ cpuMs, slowness, wallMs, gcMs }: Stall): string {
  const garbage = gcMs === 0 ? "none of it" : `${gcMs} ms of it`;
  return (
    `stall: one turn took ${cpuMs} ms of CPU, on a machine that was ${slowness.toFixed(1)} times as slow ` +
    `as at best, within ${wallMs} ms; ${garbage} spent on collecting garbage`
  );
}

/** What there is more of than before, each with how much. */
export function surplus(
  before: Readonly<Record<string, number>>,
  after: Readonly<Record<string, number>>,
): string[] {
  return Object.entries(after).flatMap(([kind, count]) => {
    const more = count - (before[kind] ?? 0);
    return more > 0 ? [`${more} ${kind}`] : [];
  });
}

export function mib(bytes: number): string {
  return (bytes / MIB).toFixed(1);
}

/** The lower one of two. */
function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? 0;
}

/** By least squares, for each step from one to the next. */
function slope(values: readonly number[]): number {
  const middle = (values.length - 1) / 2;
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const over = values.reduce((sum, value, i) => sum + (i - middle) * (value - mean), 0);
  const under = values.reduce((sum, _, i) => sum + (i - middle) ** 2, 0);
  return under === 0 ? 0 : over / under;
}
