import type { Patch } from "../../../tools/bundle-simulation.mjs";
import type { Need } from "../scenario.ts";

/** A deliberate fault in the code. The simulation must notice each. */
export interface Fault {
  readonly name: string;
  /** Without these, the code that is broken does not even run. */
  readonly needs?: readonly Need[];
  /** The seed to begin with, where few seeds show it: any may, and it need not take a minute. */
  readonly from?: number;
  readonly patches: readonly Patch[];
}

export const fault = (
  name: string,
  file: string,
  find: string,
  replace: string,
  ...needs: Need[]
): Fault => ({ name, needs, patches: [{ file, find, replace }] });
