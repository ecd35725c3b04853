import type { WorldSummary } from "../server/operations/index.ts";

/** `the world "arena": 3 objects at seq 12, epoch V1StGX`. */
export function describe({ world, epoch, seq, objects }: WorldSummary): string {
  const count = `${objects.toLocaleString("en")} ${objects === 1 ? "object" : "objects"}`;
  return `the world ${JSON.stringify(world)}: ${count} at seq ${seq}, epoch ${epoch}`;
}
