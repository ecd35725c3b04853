import type { Fault } from "./fault.ts";
import { CONFLICTS } from "./conflicts.ts";
import { ENDING } from "./ending.ts";
import { EXPIRING } from "./expiring.ts";
import { HERMITS } from "./hermits.ts";
import { LEASING } from "./leasing.ts";
import { OUTLIVING } from "./outliving.ts";
import { READING } from "./reading.ts";
import { SHOWING } from "./showing.ts";
import { STORING } from "./storing.ts";
import { VERSIONS } from "./versions.ts";
import { VIEWING } from "./viewing.ts";
import { VISITING } from "./visiting.ts";
import { WRITING } from "./writing.ts";

/** Each is a deliberate fault in the code, which the simulation must notice. */
export const FAULTS: readonly Fault[] = [
  ...WRITING,
  ...ENDING,
  ...READING,
  ...SHOWING,
  ...OUTLIVING,
  ...EXPIRING,
  ...STORING,
  ...VIEWING,
  ...VERSIONS,
  ...CONFLICTS,
  ...VISITING,
  ...LEASING,
  ...HERMITS,
];
