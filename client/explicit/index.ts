import type { Explicit } from "../explicit.ts";
import { discardUndecided } from "./discarding.ts";
import { squashUnsent } from "./squashing.ts";
import { visitorOf } from "./visitor.ts";
import { ExplicitVisits } from "./visits.ts";

export type { Explicit };

/**
 * For the option `live`: the client goes to its server by `pull()`, `push()` and `sync()`, and is
 * offline else.
 *
 * ```ts
 * const sync = new ObjectSync(url, { live: explicit });
 * sync.update({ id: "tree:1", height: 2 }); // waits
 * await sync.sync();
 * ```
 */
export const explicit: Explicit = {
  open: (traveller, environment) => new ExplicitVisits(visitorOf(traveller), environment),
  squash: squashUnsent,
  discard: discardUndecided,
};
