import type { Conflict, ConflictHandler } from "../../../client/index.ts";

export interface OpenConflict {
  readonly conflict: Conflict;
  /** Decides as this handler does. */
  readonly settle: (handler: ConflictHandler) => void;
}

/**
 * The conflicts that wait for a person. object-sync asks about them, and asks again after a reload, or
 * when others have written again before the decision came to the server.
 */
export class ConflictBook {
  readonly #open: OpenConflict[] = [];
  readonly #changed: () => void;

  constructor(changed: () => void) {
    this.#changed = changed;
  }

  get open(): readonly OpenConflict[] {
    return this.#open;
  }

  of(id: string): OpenConflict | undefined {
    return this.#open.find(({ conflict }) => conflict.id === id);
  }

  readonly ask: ConflictHandler = (conflict) =>
    new Promise((resolve) => {
      const entry: OpenConflict = {
        conflict,
        settle: (handler) => {
          this.#open.splice(this.#open.indexOf(entry), 1);
          resolve(handler(conflict));
          this.#changed();
        },
      };
      this.#open.push(entry);
      this.#changed();
    });
}
