import type { Attack } from "../attack.ts";

/** A way to attack. */
export interface AttackKind {
  readonly name: string;
  /** How often it is chosen, as against the others. */
  readonly weight: number;
  /**
   * Whether it does as much as one client may: then no other does at the same time. What many do
   * together is load, and not what anything that is sent can do.
   */
  readonly isHeavy?: boolean;
  /** Ends soon once the attack is over: then nothing is sent any more. */
  readonly run: (attack: Attack) => Promise<void>;
}
