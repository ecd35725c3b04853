import type { Callback } from "../lib/callback.ts";
import { SyncError } from "../lib/errors.ts";
import type { ClientLimits } from "../lib/limits.ts";
import { checkId } from "../lib/object.ts";
import type { Topic } from "../lib/topics.ts";
import type { Calls } from "./calls.ts";
import type { Follower } from "./follower.ts";
import type { Subscriptions } from "./subscriptions.ts";

/** Takes a subscription back. */
export type Unsubscribe = (() => void) & {
  /** Resolves when all of it is in view; rejects when the server refuses it. */
  readonly ready: Promise<void>;
};

/** Calls that have the server show more. */
export class ReadCalls {
  readonly #follower: Follower;
  readonly #calls: Calls;
  readonly #limits: ClientLimits;
  /** Undefined of a client that is shown everything. */
  readonly #subscriptions: Subscriptions | undefined;

  constructor(
    follower: Follower,
    calls: Calls,
    limits: ClientLimits,
    subscriptions: Subscriptions | undefined,
  ) {
    this.#follower = follower;
    this.#calls = calls;
    this.#limits = limits;
    this.#subscriptions = subscriptions;
  }

  fetch(ids: unknown, callback: Callback<unknown> | undefined): Promise<unknown> {
    const follower = this.#follower;
    return this.#calls.call(Promise<unknown>, callback, (settle) => {
      const list: readonly unknown[] = Array.isArray(ids) ? ids : [ids];
      const checked = list.map((id) => checkId(id, this.#limits));
      const removals: (() => void)[] = [];
      const settled = (error?: SyncError): void => {
        if (error !== undefined) for (const remove of removals) remove();
        const found = checked.map((id) => follower.view.get(id) ?? null);
        settle(error, Array.isArray(ids) ? found : found[0]);
      };
      if (checked.length > 0) follower.fetch(checked, settled);
      else follower.tellSoon(settled);
      if (this.#subscriptions === undefined) return;
      for (const id of checked) removals.push(this.#subscriptions.add({ id }));
    });
  }

  subscribe(topic: Topic): Unsubscribe {
    let remove: () => void = () => undefined;
    const ready = this.#calls.call(Promise<void>, undefined, (settle) => {
      if (this.#subscriptions === undefined) {
        const message = "without subscribe, everything is shown";
        throw new SyncError("bad_option", message, { property: "subscribe" });
      }
      remove = this.#subscriptions.add(topic);
      try {
        this.#follower.fetch(undefined, (error) => {
          if (error !== undefined) remove(); // or no server would let this client in again
          settle(error);
        });
      } catch (error) {
        remove();
        throw error;
      }
    });
    const unsubscribe = (): void => {
      remove();
      if (this.#subscriptions === undefined) return; // or it would ask for nothing at all
      void this.#calls.call(Promise<void>, undefined, (settle) =>
        this.#follower.fetch(undefined, settle),
      );
    };
    return Object.assign(unsubscribe, { ready });
  }
}
