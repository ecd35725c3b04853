/** How much later than the quickest a message may become the measure again, per message. */
const forgetMs = 0.5;

/**
 * Maps another page's clock to ours. Positions are sent evenly but arrive in bursts: what the
 * sender's clock said tells when they were true. The quickest message so far sets the difference
 * between the two clocks, slowly forgotten, as clocks drift and routes change.
 */
export class SenderClock {
  #difference = Infinity;

  /** `at` by the sender's clock, `arrived` by ours; both in milliseconds. */
  toOurs(at: number, arrived: number): number {
    this.#difference = Math.min(this.#difference + forgetMs, arrived - at);
    return at + this.#difference;
  }
}
