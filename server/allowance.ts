import type { ServerLimits } from "../lib/limits.ts";
import { TokenBucket } from "../lib/token-bucket.ts";

/** What is counted of what somebody sends. */
export type Sent = "messages" | "bytes" | "mutations" | "operations" | "subscriptions";

/** How much somebody may send a second, on average; and twice as much in one burst. */
export class Allowance {
  readonly messages: TokenBucket;
  readonly bytes: TokenBucket;
  readonly mutations: TokenBucket;
  readonly operations: TokenBucket;
  readonly subscriptions: TokenBucket;

  /** For so many clients together. */
  constructor(limits: ServerLimits, clients: number, now: number) {
    const bucket = (perSecondMax: number): TokenBucket =>
      new TokenBucket(perSecondMax * clients, now);
    this.messages = bucket(limits.messagesPerSecondMax);
    this.bytes = bucket(limits.bytesPerSecondMax);
    this.mutations = bucket(limits.mutationsPerSecondMax);
    this.operations = bucket(limits.operationsPerSecondMax);
    this.subscriptions = bucket(limits.subscriptionsPerSecondMax);
  }
}
