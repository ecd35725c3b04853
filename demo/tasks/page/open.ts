import { ObjectSync, type ConflictHandler } from "../../../client/index.ts";
import { resolveWith } from "../../../client/conflicts/index.ts";
import { explicit } from "../../../client/explicit/index.ts";
import { indexedDbStorage } from "../../../client/offline/indexeddb.ts";
import type { Task } from "../model.ts";

/** What a device keeps for itself, besides the tasks. */
interface Models {
  readonly task: Task;
  /** What is typed and not added yet. */
  readonly draft: { readonly text: string };
  readonly setting: { readonly isAway: boolean; readonly isAuto: boolean };
}

export type Tasks = ObjectSync<Models>;
export type TaskObject = { readonly id: TaskId } & Task;
export type TaskId = `task:${string}`;

/** Two devices in one browser have different storages, and are as far apart as any two. */
export function openTasks(device: string, onConflict: ConflictHandler): Tasks {
  return new ObjectSync<Models>(location.origin, {
    live: explicit,
    storage: indexedDbStorage({ name: `tasks of ${device}` }),
    namespaces: { draft: { sync: false }, setting: { sync: false } },
    onConflict: resolveWith(onConflict),
  });
}

export function tasksIn(sync: Tasks): TaskObject[] {
  const tasks = [...sync.allObjects().values()].filter(isTask);
  return tasks.sort((a, b) => a.at - b.at || (a.id < b.id ? -1 : 1));
}

function isTask(object: { readonly id: string }): object is TaskObject {
  return object.id.startsWith("task:");
}
