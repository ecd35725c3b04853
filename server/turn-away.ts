import { atMost, SyncError } from "../lib/errors.ts";
import type { Link, LinkEvents } from "../lib/link.ts";
import { encodeGoodbye } from "../lib/messages.ts";

/** Tells a client that was let in why it has no session all the same. */
export function turnAway(link: Link, error: SyncError): LinkEvents {
  link.send(encodeGoodbye({ error: error.toData(), reconnect: error.retryable }));
  link.close();
  return { message: () => undefined, drained: () => undefined, closed: () => undefined };
}

/** Why a client must come back later. */
export function closing(): SyncError {
  return new SyncError("unavailable", "the server is shutting down", { retryAfterMs: 500 });
}

/** What is wrong with a message that has more bytes than one may have: it is not read. */
export function tooLarge(messageBytesMax: number): SyncError {
  return atMost("a message", messageBytesMax, "bytes", undefined, "too_large");
}
