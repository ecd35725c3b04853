import { checkFunction } from "../event-hub.ts";
import type { ConflictHandler, ConflictResolver } from "../conflict-desk.ts";
import { Desk } from "./desk.ts";

/**
 * For the option `onConflict`: has `handler` decide what becomes of writes that collide. Without one they
 * fail as `conflict`, where anything is different; the error tells of both sides.
 *
 * ```ts
 * new ObjectSync(url, { onConflict: resolveWith(keepAlive(preferLocal)) });
 * ```
 *
 * Throws `invalid_payload` when the handler is no function.
 */
export function resolveWith(handler?: ConflictHandler): ConflictResolver {
  if (handler !== undefined) checkFunction(handler, "conflict handler");
  return { open: (following, sendSoon) => new Desk(following, sendSoon, handler) };
}
