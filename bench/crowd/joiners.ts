import type { Contestant, ContestantClient } from "../contestants/contestant.ts";
import { fingerprint } from "../world.ts";
import { bytesReceived } from "./sockets.ts";

export interface Joined {
  /** From the call until the last of them had the whole world. */
  readonly ms: number;
  readonly bytes: number;
}

const silent = { moved: () => undefined };

/** Clients that come to see the world, and do nothing in it. */
export class Joiners {
  #clients: ContestantClient[] = [];

  get clients(): readonly ContestantClient[] {
    return this.#clients;
  }

  /** `atOnce`: how many of them may be on their way in at the same time. */
  async join(contestant: Contestant, port: number, count = 1, atOnce = count): Promise<Joined> {
    const start = { at: performance.now(), bytes: bytesReceived() };
    for (let left = count; left > 0; left -= atOnce) {
      const some = Array.from({ length: Math.min(atOnce, left) }, () =>
        contestant.connectClient(port, silent),
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

  /** How many of them do not see exactly what `expected` says. */
  disagreeing(expected: string): number {
    return this.#clients.filter((client) => fingerprint(client.view()) !== expected).length;
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
