import type { ObjectRecord } from "../../server/stores/store.ts";
import type { Checks } from "./checks.ts";

/** Objects that never leave the device, that only go to the server, and that only come from there. */
export const STAYING = "staying";
export const GOING = "going";
export const COMING = "coming";
export const COMING_ID = `${COMING}:news`;

/** What is known of the server. */
export interface Outside {
  /** Whether any store has ever kept this as what an object that only goes there holds. */
  hasKept(value: string): boolean;
  /** How far what only comes from there has got, in the present epoch. */
  news(): { readonly epoch: string; readonly count: number };
}

interface Opened {
  readonly epoch: string;
  readonly objects: Iterable<ObjectRecord>;
}

/** What stores have of objects that go one way only, or should never have come. */
export class Posted implements Outside {
  readonly #checks: Checks;
  readonly #onNews: () => void;
  readonly #values = new Set<string>();
  #epoch = "";
  #count = 0;

  constructor(checks: Checks, onNews: () => void) {
    this.#checks = checks;
    this.#onNews = onNews;
  }

  opened({ epoch, objects }: Opened): void {
    if (this.#epoch === epoch) return;
    this.#epoch = epoch;
    this.#count = 0;
    for (const record of objects) this.#take(record);
  }

  kept(epoch: string, objects: readonly ObjectRecord[]): void {
    for (const record of objects) {
      const { id, properties } = record;
      const isStray = id.startsWith(STAYING) || id.startsWith(`${GOING}:with`);
      this.#checks.check(!isStray, "namespaces", () => `${id} is on the server`);
      const value = properties?.["v"];
      if (id.startsWith(GOING) && typeof value === "string") this.#values.add(value);
      if (epoch === this.#epoch) this.#take(record);
    }
  }

  hasKept(value: string): boolean {
    return this.#values.has(value);
  }

  news(): { readonly epoch: string; readonly count: number } {
    return { epoch: this.#epoch, count: this.#count };
  }

  #take({ id, properties }: ObjectRecord): void {
    if (id !== COMING_ID) return;
    this.#count = Number(properties?.["count"] ?? 0);
    this.#onNews();
  }
}
