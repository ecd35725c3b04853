import { arena } from "./arena.ts";
import { capacity } from "./capacity.ts";
import { interest } from "./interest.ts";
import { join } from "./join.ts";
import { memory } from "./memory.ts";
import { queries } from "./queries.ts";
import { resume } from "./resume.ts";
import { sync } from "./sync.ts";
import { views } from "./views.ts";
import type { Workload } from "./workload.ts";
import { worldSize } from "./world-size.ts";
import { writes } from "./writes.ts";

export const workloads: readonly Workload[] = [
  arena,
  capacity,
  join,
  resume,
  memory,
  writes,
  worldSize,
  interest,
  views,
  queries,
  sync,
];
