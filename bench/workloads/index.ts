import { arena } from "./arena.ts";
import type { Workload } from "./workload.ts";

export const workloads: readonly Workload[] = [arena];
