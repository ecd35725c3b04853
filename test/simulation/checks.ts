/** A guarantee of GUARANTEES.md, or what the simulation demands besides. */
export type Guarantee =
  | "G1"
  | "G2"
  | "G3"
  | "G4"
  | "G5"
  | "G6"
  | "G7"
  | "G8"
  | "G9"
  | "G10"
  | "G11"
  | "G12"
  | "G13"
  | "G14"
  | "G15"
  | "G16"
  | "G17"
  | "G18"
  | "G19"
  | "G20"
  | "G21"
  | "G22"
  | "ephemeral"
  | "events"
  | "leases"
  | "namespaces"
  | "reference"
  | "versions"
  | "visits";

export interface Violation {
  readonly guarantee: Guarantee;
  readonly message: string;
}

/**
 * Where every check reports. It does not throw: much of what is checked runs inside listeners and
 * callbacks, where the code under test would catch it.
 */
export class Checks {
  #first: Violation | undefined;
  #count = 0;
  readonly #seen = new Map<string, number>();

  get violation(): Violation | undefined {
    return this.#first;
  }

  /** Whether everything has held so far. */
  isSound(): boolean {
    return this.#first === undefined;
  }

  /** How many conditions were checked. */
  get count(): number {
    return this.#count;
  }

  /** What happened, and how often: so that a run can tell what it has not tried. */
  get seen(): ReadonlyMap<string, number> {
    return this.#seen;
  }

  saw(what: string): void {
    this.#seen.set(what, (this.#seen.get(what) ?? 0) + 1);
  }

  check(holds: boolean, guarantee: Guarantee, message: () => string): void {
    this.#count += 1;
    if (!holds) this.fail(guarantee, message());
  }

  fail(guarantee: Guarantee, message: string): void {
    this.#first ??= { guarantee, message };
  }
}
