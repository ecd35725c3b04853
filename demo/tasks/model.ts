/** What server and pages know of a task. */

export const taskNamespace = "task";

export interface Task {
  readonly title: string;
  readonly note: string;
  readonly done: boolean;
  /** When it was added, by the clock of who did: it gives the list its order. */
  readonly at: number;
}

export const titleLengthMax = 120;
export const noteLengthMax = 500;

/** A list that is new is not empty. */
export function tasksToBeginWith(now: number) {
  return [
    { title: "Buy bread", note: "The dark one, two loaves" },
    { title: "Water the plants", note: "" },
    { title: "Call the plumber", note: "Only before noon" },
    { title: "Book the train", note: "" },
  ].map((task, i) => ({ id: `${taskNamespace}:${i + 1}`, ...task, done: i === 1, at: now + i }));
}
