import type { ObjectSync } from "../../client/index.ts";
import { storeAt } from "./store-at.ts";

/**
 * Clients that write as fast as they are answered: each creates one object after another and counts
 * them in one of its own, so that afterwards it can be told what is missing, and what is there twice.
 */
export class WriteLoad {
  /** The objects that a client was told to be there. */
  readonly acknowledged = new Set<string>();
  /** The codes of refusals: there should be none, and a create that is done twice is one. */
  readonly refused: string[] = [];
  readonly #counting: Promise<number[]>;
  #isOver = false;

  constructor(clients: readonly ObjectSync[]) {
    this.#counting = Promise.all(clients.map((client, index) => this.#write(client, index)));
  }

  /** Ends when what is on its way is decided. Resolves with how many objects each client has made. */
  async end(): Promise<number[]> {
    this.#isOver = true;
    return this.#counting;
  }

  /** What is in a store and should not be, or the other way round. */
  async disagreements(place: string, counts: readonly number[]): Promise<unknown> {
    const store = storeAt(place);
    const { objects } = await store.load("default", "");
    await store.close();
    const kept = new Map([...objects].map((one) => [one.id as string, one.properties?.["count"]]));
    const wanted = [...this.acknowledged, ...counts.map((_, index) => counterOf(index))];
    return {
      missing: wanted.filter((id) => !kept.has(id)),
      surplus: [...kept.keys()].filter((id) => !wanted.includes(id)),
      miscounted: counts.filter((count, index) => kept.get(counterOf(index)) !== count),
    };
  }

  async #write(client: ObjectSync, index: number): Promise<number> {
    client.on("reject", ({ code }) => this.refused.push(code));
    const counter = counterOf(index);
    await client.create({ id: counter, count: 0 });
    let count = 0;
    while (!this.#isOver) {
      count += 1;
      const id = `object:${index}:${count}`;
      await Promise.all([client.create({ id, count }), client.update({ id: counter, count })]);
      this.acknowledged.add(id);
    }
    return count;
  }
}

/** As there should be. */
export const NO_DISAGREEMENTS = { missing: [], surplus: [], miscounted: [] };

function counterOf(index: number): string {
  return `counter:${index}`;
}
