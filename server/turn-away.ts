import type { SyncError } from "../lib/errors.ts";
import type { Link, LinkEvents } from "../lib/link.ts";
import { encodeGoodbye } from "../lib/messages.ts";

/** Tells a client that was let in why it has no session all the same. */
export function turnAway(link: Link, error: SyncError): LinkEvents {
  link.send(encodeGoodbye({ error: error.toData(), reconnect: error.retryable }));
  link.close();
  return { message: () => undefined, drained: () => undefined, closed: () => undefined };
}
