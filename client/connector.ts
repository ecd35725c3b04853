import type { Cancel, Environment } from "../lib/environment.ts";
import { SyncError } from "../lib/errors.ts";
import type { ClientLimits } from "../lib/limits.ts";
import type { Connect } from "../lib/link.ts";
import type { Hello } from "../lib/messages.ts";
import { transition, type Effect, type Input, type State } from "./connection.ts";
import { retryDelayMs } from "./retry-delay.ts";
import { ServerLink, type Ending, type ServerLinkListener } from "./server-link.ts";

export interface ConnectorOptions {
  readonly environment: Environment;
  readonly connect: Connect;
  readonly limits: ClientLimits;
  /** Gives the present credentials, or a function that gives them or a promise, for each attempt. */
  readonly auth: () => unknown;
  readonly hello: () => Omit<Hello, "auth">;
}

export interface ConnectorListener extends Omit<ServerLinkListener, "ended"> {
  /** `reason` is why the connection ended, if it did and somebody said why. */
  moved(from: State, to: State, reason: SyncError | undefined): void;
  /** Something is wrong, though the next attempt may succeed. */
  failed(error: SyncError): void;
  /** The server will not have this client back. */
  refused(error: SyncError): void;
}

/**
 * Does what the connection's state machine says: begins attempts, waits between them, and drops
 * what is over. An attempt or link that was dropped is not heard again.
 */
export class Connector {
  readonly #options: ConnectorOptions;
  readonly #listener: ConnectorListener;
  #state: State = "offline";
  #link: ServerLink | undefined;
  /** Counts the attempts, so that credentials which come too late are noticed. */
  #attempt = 0;
  /** Whether the next attempt need not wait: the connection was good until its credentials were not. */
  #isUrgent = false;
  /** How often it has waited since it was last synced. */
  #waits = 0;
  /** Ends the timer that is running: the wait for an attempt, or for its welcome. */
  #stopTimer: Cancel = () => undefined;

  constructor(options: ConnectorOptions, listener: ConnectorListener) {
    this.#options = options;
    this.#listener = listener;
  }

  get state(): State {
    return this.#state;
  }

  /** The connection, or the attempt at one. */
  get link(): ServerLink | undefined {
    return this.#link;
  }

  input(input: Input, reason?: SyncError): void {
    const from = this.#state;
    const { to, effects } = transition(from, input);
    this.#state = to;
    for (const effect of effects) this.#perform(effect, reason);
    if (from !== to) this.#listener.moved(from, to, reason);
  }

  #perform(effect: Effect, reason: SyncError | undefined): void {
    const { environment } = this.#options;
    switch (effect) {
      case "open":
        this.#open();
        return;
      case "drop":
        this.#stopTimer();
        this.#attempt += 1;
        this.#link?.close();
        this.#link = undefined;
        return;
      case "wait":
        this.#stopTimer = environment.scheduler.after(this.#waitMs(reason), () =>
          this.input("retry"),
        );
        this.#waits += 1;
        return;
      case "stopTimer":
        this.#stopTimer();
        return;
      case "calmDown":
        this.#waits = 0;
    }
  }

  #waitMs(reason: SyncError | undefined): number {
    const { environment, limits } = this.#options;
    if (this.#isUrgent) return 0;
    return (reason?.retryAfterMs ?? 0) + retryDelayMs(this.#waits, limits, environment.random);
  }

  #open(): void {
    const { environment, limits } = this.#options;
    const auth = this.#options.auth();
    this.#attempt += 1;
    const attempt = this.#attempt;
    const ifCurrent = (then: () => void): void => {
      if (attempt === this.#attempt) then();
    };
    this.#stopTimer = environment.scheduler.after(limits.connectTimeoutMs, () =>
      this.#ended({ error: new SyncError("timeout", "no welcome in time"), reconnect: true }),
    );
    if (typeof auth !== "function") {
      this.#dial(auth);
      return;
    }
    Promise.resolve()
      .then(auth as () => unknown)
      .then(
        (credentials) => ifCurrent(() => this.#dial(credentials)),
        (cause: unknown) => ifCurrent(() => this.#ended(authFailed(cause))),
      );
  }

  #dial(auth: unknown): void {
    const { connect, limits, hello, environment } = this.#options;
    const { welcome, part, step, fetched } = this.#listener;
    this.#link = new ServerLink(connect, { ...hello(), auth }, limits, environment.clock, {
      welcome,
      part,
      step,
      fetched,
      ended: (ending) => this.#ended(ending),
    });
  }

  /** Whether the connection has lasted for longer than one waits for the next. */
  #hasHeld(): boolean {
    const { environment, limits } = this.#options;
    const openedAt = this.#link?.openedAt ?? Infinity;
    return environment.clock.now() - openedAt > limits.retryDelayMinMs;
  }

  #ended({ error, reconnect: isWelcome, isFault }: Ending): void {
    const isExpired = error?.code === "token_expired";
    const wasIn = this.#link?.welcome !== undefined;
    // The same credentials again would be refused again.
    const isHopeless = isExpired && !wasIn && typeof this.#options.auth() !== "function";
    const reconnect = isWelcome && !isHopeless;
    this.#isUrgent = isExpired && wasIn && this.#hasHeld();
    if (error !== undefined && isFault === true) this.#listener.failed(error);
    this.input(reconnect ? "lost" : "refused", error);
    if (!reconnect && error !== undefined) this.#listener.refused(error);
  }
}

function authFailed(cause: unknown): Ending {
  const message = `auth failed: ${String(cause)}`;
  const error = new SyncError("handler_failed", message, { cause });
  return { error, reconnect: true, isFault: true };
}
