import type { Contestant, ContestantClient } from "../contestants/contestant.ts";
import { fingerprint } from "../world.ts";
import type { Hearing } from "./hearing.ts";
import { bytesReceived } from "./sockets.ts";

export interface Joined {
  /** From the call until the last of them had the whole world. */
  readonly ms: number;
  readonly bytes: number;
}

/** Clients that come to see the world, and do nothing in it. */
export class Joiners {
  readonly #hearing: Hearing;
  #clients: ContestantClient[] = [];

  constructor(hearing: Hearing) {
    this.#hearing = hearing;
  }

  get clients(): readonly ContestantClient[] {
    return this.#clients;
  }

  /** `atOnce`: how many of them may be on their way in at the same time. */
  async join(contestant: Contestant, port: number, count = 1, atOnce = count): Promise<Joined> {
    const start = { at: performance.now(), bytes: bytesReceived() };
    const events = {
      moved: () => undefined,
      changed: (t?: number) => this.#hearing.hear(t),
    };
    for (let left = count; left > 0; left -= atOnce) {
      const first = this.#clients.length;
      const some = Array.from({ length: Math.min(atOnce, left) }, (_, i) =>
        contestant.connectClient(port, events, first + i),
      );
      this.#clients.push(...(await Promise.all(some)));
    }
    return { ms: performance.now() - start.at, bytes: bytesReceived() - start.bytes };
  }

  /** The first who came loses its connection, until it comes back. */
  async leave(): Promise<void> {
    await this.#first().leave();
  }

  async comeBack(): Promise<Joined> {
    const start = { at: performance.now(), bytes: bytesReceived() };
    await this.#first().comeBack();
    return { ms: performance.now() - start.at, bytes: bytesReceived() - start.bytes };
  }

  /** How many of them do not see exactly what `expected` says: of all, or of each by its number. */
  disagreeing(expected: string | readonly string[]): number {
    return this.#clients.filter((client, number) => {
      const wanted = typeof expected === "string" ? expected : expected[number];
      return fingerprint(client.view()) !== wanted;
    }).length;
  }

  closeAll(): void {
    for (const client of this.#clients) client.close();
    this.#clients = [];
  }

  #first(): ContestantClient {
    const [first] = this.#clients;
    if (first === undefined) throw new Error("nobody is there");
    return first;
  }
}
