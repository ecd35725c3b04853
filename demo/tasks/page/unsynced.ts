import type { Tasks } from "./open.ts";

/** What the server does not know yet of a task. */
export type Unsynced = "new" | "changed" | "deleted";

/** By the id of the task. What it had before on this device does not matter. */
export function unsyncedIn(sync: Pick<Tasks, "pendingOperations">): ReadonlyMap<string, Unsynced> {
  const found = new Map<string, Unsynced>();
  for (const { id, kind } of sync.pendingOperations()) {
    if (kind === "create") found.set(id, "new");
    else if (kind === "update") found.set(id, found.get(id) ?? "changed");
    else if (found.get(id) === "new") found.delete(id);
    else found.set(id, "deleted");
  }
  return found;
}

/** "3 unsynced: 2 new, 1 deleted" */
export function summaryOf(unsynced: ReadonlyMap<string, Unsynced>): string {
  const all = [...unsynced.values()];
  const parts = (["new", "changed", "deleted"] as const).flatMap((kind) => {
    const count = all.filter((one) => one === kind).length;
    return count > 0 ? `${count} ${kind}` : [];
  });
  return `${all.length} unsynced: ${parts.join(", ")}`;
}
