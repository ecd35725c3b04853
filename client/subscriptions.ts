import type { CommonLimits } from "../lib/limits.ts";
import { topicsToText } from "../lib/messages.ts";
import { copyValue } from "../lib/object.ts";
import type { Topic } from "../lib/topics.ts";

interface Subscription {
  readonly topic: Topic;
  count: number;
}

/** What an application asks to be shown, each topic as often as it asked for it. */
export class Subscriptions {
  readonly #limits: CommonLimits;
  /** By the topic as text. */
  readonly #all = new Map<string, Subscription>();

  /** Throws as `add` does. */
  constructor(topics: readonly Topic[], limits: CommonLimits) {
    this.#limits = limits;
    for (const topic of topics) this.add(topic);
  }

  /** As the server is told. */
  get topics(): readonly Topic[] {
    return Array.from(this.#all.values(), ({ topic }) => topic);
  }

  /** Returns what takes it away again, once. Throws `invalid_value` and the like, if it cannot travel. */
  add(given: Topic): () => void {
    const topic = copyValue(given, this.#limits, undefined, "subscribe", 0) as unknown as Topic;
    const key = topicsToText([topic]);
    const subscription = this.#all.get(key) ?? { topic, count: 0 };
    subscription.count += 1;
    this.#all.set(key, subscription);
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      subscription.count -= 1;
      if (subscription.count === 0) this.#all.delete(key);
    };
  }
}
