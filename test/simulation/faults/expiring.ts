import { fault, type Fault } from "./fault.ts";

/** How credentials that expire can end more than they should, or less. */
export const EXPIRING: readonly Fault[] = [
  {
    ...fault(
      "a session goes on when its credentials have expired",
      "server/reception.ts",
      "if (this.#host.sessions.has(session)) dismiss(tokenExpired(), true);",
      "",
      "tokens",
    ),
    from: 24,
  },
  {
    ...fault(
      "a client whose credentials have expired is sent away for good",
      "server/reception.ts",
      "dismiss(tokenExpired(), true);",
      "dismiss(tokenExpired(), false);",
      "tokens",
    ),
    from: 9,
  },
  fault(
    "a client shows the same credentials again when they have expired",
    "client/client.ts",
    "const auth = (): unknown => this.#auth;",
    "const auth = (): unknown =>\n" +
      '(this.#auth = typeof this.#auth === "function" ? this.#auth() : this.#auth);',
    "tokens",
  ),
  fault(
    "what a client has not sent is dropped when its credentials expire",
    "client/reception.ts",
    "  moved(from: State, to: State, reason: SyncError | undefined): void {\n",
    "  moved(from: State, to: State, reason: SyncError | undefined): void {\n" +
      '    if (reason?.code === "token_expired") this.#state.outbox.takeAll();\n',
    "tokens",
  ),
];
