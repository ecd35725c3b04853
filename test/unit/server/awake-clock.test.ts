import { expect, test } from "@jest/globals";
import { AwakeClock, TICK_MS, type Time } from "../../../server/plugins/leases/awake-clock.ts";
import { Requests } from "../../../server/plugins/leases/requests.ts";

/** Time that passes when it is told to, and its timers with it. */
class Hand implements Time {
  #now = 0;
  #timers: { readonly ms: number; readonly task: () => void; at: number }[] = [];

  now(): number {
    return this.#now;
  }

  every(ms: number, task: () => void): () => void {
    const timer = { ms, task, at: this.#now + ms };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  pass(ms: number): void {
    const until = this.#now + ms;
    for (; this.#now < until; this.#now += 1) this.#ring();
    this.#ring();
  }

  /** The process gets no time meanwhile. */
  stand(ms: number): void {
    this.#now += ms;
    for (const timer of this.#timers) timer.at = Math.max(timer.at, this.#now);
  }

  #ring(): void {
    for (const timer of this.#timers) {
      if (timer.at > this.#now) continue;
      timer.at = this.#now + timer.ms;
      timer.task();
    }
  }
}

function started(): { readonly hand: Hand; readonly clock: AwakeClock } {
  const hand = new Hand();
  const clock = new AwakeClock(() => undefined, hand);
  clock.start();
  return { hand, clock };
}

test("a clock tells how much time has passed, also between two ticks", () => {
  const { hand, clock } = started();
  hand.pass(TICK_MS + 40);
  expect(clock.now()).toBe(TICK_MS + 40);
  clock.stop();
  hand.pass(1_000);
  expect(clock.now()).toBe(TICK_MS + 40);
});

test("of the time in which the process stood still hardly any has passed for it", () => {
  const { hand, clock } = started();
  hand.pass(2_000);
  hand.stand(60_000);
  expect(clock.now()).toBeLessThan(2_000 + 1_000);
  hand.pass(2_000);
  expect(clock.now()).toBeLessThan(4_000 + 1_000);
});

test("a request has waited for as long as it is there, and no longer", () => {
  const { hand, clock } = started();
  const requests = new Requests(clock);
  hand.pass(TICK_MS - 10);
  requests.add({ id: "lease-request:1", name: "door", ttlMs: 1_000, owner: "ann" });
  hand.pass(100);
  expect(requests.ageMs("lease-request:1")).toBe(100);
});

test("a request lives for its time to live at least, and for half a second longer at most", () => {
  const { hand, clock } = started();
  const requests = new Requests(clock);
  hand.pass(TICK_MS - 10);
  requests.add({ id: "lease-request:1", name: "door", ttlMs: 1_000, owner: "ann" });
  hand.pass(1_000);
  expect(requests.overdue()).toEqual([]);
  hand.pass(500);
  expect(requests.overdue()).toEqual(["lease-request:1"]);
});
