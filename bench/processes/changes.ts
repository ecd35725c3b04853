import { setTimeout as sleep } from "node:timers/promises";
import type { ContestantServer } from "../contestants/contestant.ts";
import { hpAt } from "../world.ts";

/** Changes the `hp` of things, one after another and evenly, until it is stopped. */
export class Changes {
  #isRunning = false;

  start(server: ContestantServer, things: number, perSecond: number): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    void this.#run(server, things, perSecond);
  }

  stop(): void {
    this.#isRunning = false;
  }

  async #run(server: ContestantServer, things: number, perSecond: number): Promise<void> {
    const start = performance.now();
    // From there on, as what they were created with is what the turns before gave them.
    let turn = things;
    while (this.#isRunning) {
      const due = things + ((performance.now() - start) / 1000) * perSecond;
      for (; turn < due; turn += 1) server.setHp(turn % things, hpAt(turn));
      await sleep(1);
    }
  }
}
