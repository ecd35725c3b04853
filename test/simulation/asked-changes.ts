import type { SyncObject } from "../../lib/object.ts";
import { ChangeChecks } from "../../server/change-checks.ts";
import { canonical } from "../support/canonical.ts";

/** What a server's checks were asked about: nothing else may come about. */
export class AskedChanges {
  readonly checks = new ChangeChecks();
  readonly #states = new Map<string, Set<string>>();

  constructor() {
    this.checks.add(({ id, object }) => {
      const states = this.#states.get(id) ?? new Set();
      this.#states.set(id, states.add(canonical(object)));
    });
  }

  /** Whether a check could have refused that the object became as it is. */
  has(object: SyncObject): boolean {
    return this.#states.get(object.id)?.has(canonical({ ...object })) === true;
  }
}
