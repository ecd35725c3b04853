import type { Step } from "./fold.ts";

/** Something that was asked for, and must be answered exactly once. */
export interface Issued {
  readonly kind: "write" | "fetch" | "mistake" | "visit";
  readonly order: number;
  steps: readonly Step[];
  /** Where it is among the undecided: behind all others again when it was uncertain and is retried. */
  place: number;
  /** It was said to outlive its writer. */
  isStored: boolean;
  isUncertain: boolean;
  /** It was refused for what others have written, and waits for what the application decides. */
  isHeld: boolean;
  /** It was ever refused like that, and something was written in its place. */
  isRewritten: boolean;
  /** It was given up, and is not told of as long as a device may have it. */
  isDiscarded: boolean;
  /** Another of the same client's writes has taken the place of what it would have written. */
  isSquashed: boolean;
  /** The same of all writes that were made one: they fail as one. */
  group: object | undefined;
  /** Undefined until it is settled: "ok", or an error's code. */
  outcome: string | undefined;
  callbacks: number;
  promises: number;
}
