import { nanoid } from "nanoid";

export type Change = readonly [key: string, value: string | undefined];

const VERSION = "1";

/**
 * The entries of one place in a Storage, which keeps one key at a time. A write of several goes into a
 * journal first, in one step, and from then on counts: whoever reads sees the journal over the entries.
 * Then the entries are changed, and the journal goes. If the page ends in between, or there is no room
 * for both, the next write brings it to its end.
 */
export class Entries {
  readonly #area: Storage;
  readonly #place: string;
  /** Of this place in this area, and of its copies: a tab that is duplicated takes its sessionStorage along. */
  readonly id: string;

  /** Throws when there is no room, or what is there is of a later version. */
  constructor(area: Storage, place: string) {
    this.#area = area;
    this.#place = place;
    if (area.getItem(`${place}/id`) === null) area.setItem(`${place}/id`, `${VERSION} ${nanoid()}`);
    this.id = this.#checkedId();
  }

  read(prefix: string): (readonly [string, string])[] {
    this.#checkedId();
    const found = new Map<string, string>();
    const start = this.#entry(prefix);
    for (let i = 0; i < this.#area.length; i++) {
      const name = this.#area.key(i);
      const value = name?.startsWith(start) === true ? this.#area.getItem(name) : null;
      if (value !== null) found.set(name?.slice(this.#entry("").length) ?? "", value);
    }
    for (const [key, value] of this.#journal()) {
      if (value === undefined) found.delete(key);
      else if (key.startsWith(prefix)) found.set(key, value);
    }
    return [...found].sort(([a], [b]) => (a < b ? -1 : 1));
  }

  /** Throws when there is no room, and then has changed nothing. */
  write(changes: readonly Change[]): void {
    this.#checkedId();
    const journal = this.#journal();
    const [first] = changes;
    if (journal.size === 0 && changes.length <= 1) {
      if (first !== undefined) this.#put(first);
      return;
    }
    for (const [key, value] of changes) journal.set(key, value);
    this.#area.setItem(`${this.#place}/journal`, JSON.stringify([...journal]));
    try {
      this.#putAll([...journal]);
      this.#area.removeItem(`${this.#place}/journal`);
    } catch {
      // No room for both: the journal has it.
    }
  }

  /** What is removed first, as it makes room. */
  #putAll(changes: readonly Change[]): void {
    for (const change of changes) if (change[1] === undefined) this.#put(change);
    for (const change of changes) if (change[1] !== undefined) this.#put(change);
  }

  #put([key, value]: Change): void {
    if (value === undefined) this.#area.removeItem(this.#entry(key));
    else this.#area.setItem(this.#entry(key), value);
  }

  /** The changes that count and may not be made yet; JSON has null for undefined. */
  #journal(): Map<string, string | undefined> {
    const text = this.#area.getItem(`${this.#place}/journal`) ?? "[]";
    const changes = JSON.parse(text) as [string, string | null][];
    return new Map(changes.map(([key, value]) => [key, value ?? undefined]));
  }

  #checkedId(): string {
    const id = this.#area.getItem(`${this.#place}/id`);
    if (id === null) throw new Error("it was cleared meanwhile");
    if (!id.startsWith(`${VERSION} `)) throw new Error("a later version has written it");
    return id;
  }

  #entry(key: string): string {
    return `${this.#place}/entry/${key}`;
  }
}
