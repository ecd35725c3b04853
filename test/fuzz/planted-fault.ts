import type { HostedWorld, Rules, SessionInfo } from "../../server/index.ts";
import { isAttacker, RULES, userOf } from "./victim-world.ts";

/** What a server could have wrong, for the verdict to notice: a fuzzer that cannot fail proves nothing. */
export const FAULTS = {
  throw: "something is thrown where nobody catches it",
  spin: "150 ms of CPU are spent in one turn",
  grow: "something is kept of each client, for good",
  tell: "what is hidden is shown",
  hold: "a timer is left behind by each client",
} as const;

export type Fault = keyof typeof FAULTS;

const SPIN_MS = 150;
const KEPT_BYTES = 2_000_000;

export function isFault(text: string): text is Fault {
  return Object.hasOwn(FAULTS, text);
}

/** Does it to clients of attackers. */
export function plant(fault: Fault | undefined, worlds: readonly HostedWorld[]): void {
  const kept: Uint8Array[] = [];
  const connected = ({ identity }: SessionInfo): void => {
    if (!isAttacker(userOf(identity))) return;
    if (fault === "throw") {
      setImmediate(() => {
        throw new Error("this fault was planted");
      });
    }
    if (fault === "spin") spin();
    if (fault === "grow") kept.push(new Uint8Array(KEPT_BYTES).fill(1));
    if (fault === "hold") setInterval(() => kept.length, 1_000_000);
  };
  for (const world of worlds) world.on("connect", connected);
}

export function rulesWith(fault: Fault | undefined): Rules {
  return fault === "tell" ? { ...RULES, vault: { ...RULES.vault, read: true } } : RULES;
}

function spin(): void {
  const { user } = process.cpuUsage();
  while (process.cpuUsage().user - user < SPIN_MS * 1_000);
}
