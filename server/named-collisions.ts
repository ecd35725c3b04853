import type { Collision } from "../lib/errors.ts";

/** So many collisions, or bytes of their names, are told one by one: they are kept until their client has them. */
const NAMED_MAX = 1_000;
const NAME_BYTES_MAX = 65_536;

/**
 * What collides, each once. The names of properties are many times what a write took that has them by
 * their shape: past a bound it is told of an object only that some do, and its client, which has the values,
 * looks which. An object is told of in any case: of what no refusal has named, its client would pass for
 * having seen it.
 */
export class NamedCollisions {
  readonly #areNamed: boolean;
  readonly #byKey = new Map<string, Collision>();
  #nameBytes = 0;

  /** `areNamed` says whether properties have names that the client knows. */
  constructor(areNamed: boolean) {
    this.#areNamed = areNamed;
  }

  get all(): readonly Collision[] {
    return [...this.#byKey.values()];
  }

  add({ id, property, referredBy }: Collision): void {
    const named = this.#areNamed && this.#hasRoom ? property : undefined;
    const key = JSON.stringify([id, named, referredBy]);
    if (this.#byKey.has(key)) return;
    this.#byKey.set(key, { id, property: named, referredBy });
    this.#nameBytes += Buffer.byteLength(key);
  }

  get #hasRoom(): boolean {
    return this.#byKey.size < NAMED_MAX && this.#nameBytes < NAME_BYTES_MAX;
  }
}
