import type { Welcome } from "../lib/messages.ts";
import type { ObjectId } from "../lib/object.ts";
import type { FollowerState } from "./follower-state.ts";
import type { ServerLink } from "./server-link.ts";

/** Sends writes and questions: what comes together in one message, and never more than the server takes. */
export class Sender {
  readonly #state: FollowerState;
  #isDue = false;
  #isSubscribeDue = false;

  constructor(state: FollowerState) {
    this.#state = state;
  }

  /** When the call that is under way has returned: all that there is to send by then. */
  soon(): void {
    if (this.#isDue || !this.#state.isConnected) return;
    this.#isDue = true;
    this.#state.options.environment.scheduler.soon(() => this.#send());
  }

  #send(): void {
    this.#isDue = false;
    const { connector, options } = this.#state;
    const { link } = connector;
    if (link?.welcome === undefined) return;
    while (link.waitMs === 0) {
      if (!this.#sendWrites(link, link.welcome) && !this.#sendFetch(link)) return;
    }
    this.#isDue = true;
    options.environment.scheduler.after(link.waitMs, () => this.#send());
  }

  /** Whether there was anything to send. */
  #sendWrites(link: ServerLink, { epoch, mutationsInFlightMax }: Welcome): boolean {
    const { outbox, replica, kept, mode } = this.#state;
    if (mode === "pull") return false;
    const settled = Math.max(outbox.unknown, Math.min(outbox.settled, kept.settled));
    // Before the server has to remember too much for this client, and it must wait.
    if (outbox.settled - settled > mutationsInFlightMax / 2) kept.noteWrites();
    const writes = outbox.unsent(mutationsInFlightMax, settled);
    if (writes.length === 0) return false;
    // Until the replica is of this epoch, its handles mean nothing to the server.
    const isSameEpoch = replica.cursor.epoch === epoch;
    const handleOf = (id: ObjectId): number | undefined =>
      isSameEpoch ? replica.handleOf(id) : undefined;
    outbox.markSent(link.sendWrites(writes, settled, handleOf));
    return true;
  }

  #sendFetch(link: ServerLink): boolean {
    const { fetches, options } = this.#state;
    const { subscribeWaitMs } = link;
    if (subscribeWaitMs > 0 && fetches.isSubscriptionDue) this.#subscribeIn(subscribeWaitMs);
    const fetch = fetches.takeUnsent(subscribeWaitMs === 0);
    if (fetch === undefined) return false;
    link.sendFetch(fetch, options.subscriptions?.topics ?? []);
    return true;
  }

  #subscribeIn(waitMs: number): void {
    if (this.#isSubscribeDue) return;
    this.#isSubscribeDue = true;
    this.#state.options.environment.scheduler.after(waitMs, () => {
      this.#isSubscribeDue = false;
      this.soon();
    });
  }
}
