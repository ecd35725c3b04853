import type { SyncError } from "./errors.ts";
import type { Hello } from "./messages.ts";

/**
 * One side of an open connection. Messages arrive whole and in order, or the link ends; after
 * `close` nothing more comes from it.
 */
export interface Link {
  /** Sends one message: `head`, then `body` if given, which many links may share and none changes. */
  send(head: Uint8Array, body?: Uint8Array): void;
  /** Bytes that were sent and have not left this process. */
  readonly waitingBytes: number;
  /** How large a message of the other side the transport lets through, in bytes. */
  readonly incomingBytesMax: number;
  /** Ends the link, after what was sent before if it still can be. */
  close(): void;
}

/** Who hears of a link. Every method returns without throwing. */
export interface LinkEvents {
  message(bytes: Uint8Array): void;
  /** The waiting bytes have gone. */
  drained(): void;
  /**
   * Once, and the last. `error` when the other side refused the connection, and says why; whether
   * to `reconnect` it may say as well, otherwise the error's `retryable` does.
   */
  closed(error?: SyncError, reconnect?: boolean): void;
}

/** A client's end: what waits there is bounded by its outbox, and no part of a message is shared. */
export interface ClientLink extends Pick<Link, "close"> {
  send(message: Uint8Array): void;
}

/**
 * How a client opens links. `opened` is called when the other side has accepted the connection. No
 * event comes before the call has returned.
 */
export type Connect = (hello: Hello, events: LinkEvents & { opened(): void }) => ClientLink;
