import type { SeededRandom } from "../../simulation/random.ts";
import { BRIDGE_ATTACKS } from "./bridges.ts";
import { FRAME_ATTACKS } from "./frames.ts";
import { HTTP_ATTACKS } from "./http.ts";
import type { AttackKind } from "./kind.ts";
import { MESSAGE_ATTACKS } from "./messages.ts";
import { POLLING_ATTACKS } from "./polling.ts";
import { SOCKET_IO_ATTACKS } from "./socket-io.ts";

/** All ways to attack that there are. */
export const ATTACKS: readonly AttackKind[] = [
  ...FRAME_ATTACKS,
  ...POLLING_ATTACKS,
  ...SOCKET_IO_ATTACKS,
  ...MESSAGE_ATTACKS,
  ...HTTP_ATTACKS,
  ...BRIDGE_ATTACKS,
];

const WEIGHT = ATTACKS.reduce((sum, { weight }) => sum + weight, 0);

export function someKind(random: SeededRandom): AttackKind {
  let left = random.below(WEIGHT);
  for (const kind of ATTACKS) {
    left -= kind.weight;
    if (left < 0) return kind;
  }
  throw new Error("the weights are more than their sum");
}
