/** How something is: its value, or undefined when it is not there. */
type Value = string | undefined;

/** What may be on a device of one object: what was kept, or what was written since. */
interface Known {
  readonly sure: Value;
  readonly since: readonly Value[];
}

/** What a device has of objects that never leave it, by what its clients were told. */
export class Home {
  #known = new Map<string, Known>();
  /** Somebody has begun to forget it all, and did not say that it is done. */
  #isForgetting = false;

  /** A client writes it. Returns what is to be called when it is told that this is kept. */
  writes(id: string, value: Value): () => void {
    const { sure, since } = this.#of(id);
    this.#known.set(id, { sure, since: [...since, value] });
    return () => {
      const known = this.#of(id);
      const place = known.since.indexOf(value);
      if (place >= 0) this.#known.set(id, { sure: value, since: known.since.slice(place + 1) });
    };
  }

  forgets(): void {
    this.#isForgetting = true;
  }

  /** Nothing is left. */
  forgot(): void {
    this.#known = new Map();
    this.#isForgetting = false;
  }

  /** How it is for one who is there all the time: as it was written last. */
  now(id: string): Value {
    const { sure, since } = this.#of(id);
    return since.length > 0 ? since.at(-1) : sure;
  }

  ids(): readonly string[] {
    return [...this.#known.keys()];
  }

  /** Whether the next client may find this, and it is what there is from then on. */
  takes(id: string, value: Value): boolean {
    const { sure, since } = this.#of(id);
    const isRight = value === sure || since.includes(value);
    this.#known.set(id, { sure: value, since: [] });
    return isRight || (this.#isForgetting && value === undefined);
  }

  /** The next client has looked at all of it. */
  taken(): void {
    this.#isForgetting = false;
  }

  #of(id: string): Known {
    return this.#known.get(id) ?? { sure: undefined, since: [] };
  }
}
