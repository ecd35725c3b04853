import { foldWrites, type State } from "../../lib/fold.ts";
import type { Migrations } from "../../lib/migrations.ts";
import { NO_HANDLE, type ConfirmedObject } from "../../lib/replica.ts";
import type { Kept } from "../persistence.ts";
import { raise } from "./former-local.ts";

const NOTHING_SEEN = { epoch: "", seq: 0 };

/**
 * What a client with this schema can begin with of what one with an earlier one has seen and written:
 * a view to look at until the server is there, which then gives all of it anew. The writes themselves
 * are finished as they were written.
 */
export function formerView(kept: Kept, migrations: Migrations): Kept | undefined {
  const { schema, user } = kept;
  if (schema < migrations.oldest || schema > migrations.version) return undefined;
  const objects = visible(kept).flatMap(({ handle, object }) => {
    const { id } = object;
    const raised = raise(object, schema, migrations);
    return raised === undefined ? [] : [{ handle, object: { ...raised, id } }];
  });
  const nothing = { clientId: "", cursor: NOTHING_SEEN, epoch: "", nextNumber: 1, writes: [] };
  return { ...nothing, schema: migrations.version, user, objects };
}

/** What the earlier client showed, besides what never leaves the device. */
function visible({ objects, writes }: Kept): ConfirmedObject[] {
  const confirmed = new Map<string, ConfirmedObject>(objects.map((one) => [one.object.id, one]));
  const optimistic = writes.filter(({ optimistic, isLocal }) => optimistic && !isLocal);
  const states = foldWrites(optimistic, (id): State => {
    const object = confirmed.get(id)?.object;
    return object === undefined ? null : { ...object };
  });
  for (const [id, object] of states) {
    const handle = confirmed.get(id)?.handle ?? NO_HANDLE;
    if (object) confirmed.set(id, { handle, object });
    else confirmed.delete(id);
  }
  return [...confirmed.values()];
}
