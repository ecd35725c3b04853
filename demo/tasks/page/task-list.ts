import { TaskEditor } from "./task-editor.ts";
import { lostRow } from "./lost-row.ts";
import { TaskRow, type Marks } from "./task-row.ts";
import { tasksIn, type TaskObject, type Tasks } from "./open.ts";

interface ListParts {
  readonly list: HTMLElement;
  readonly empty: HTMLElement;
  readonly marksOf: (id: string) => Marks;
  /** Ids and titles of tasks that are in conflict. */
  readonly conflicts: () => readonly { readonly id: string; readonly title: string }[];
  readonly settle: (id: string) => void;
  /** No task is edited any more. */
  readonly closed: () => void;
}

/** The tasks of this device; one of them may be open to be edited. */
export class TaskList {
  readonly #sync: Tasks;
  readonly #parts: ListParts;
  readonly #rows = new Map<string, TaskRow>();
  readonly #lostRows = new Map<string, HTMLElement>();
  #editor: TaskEditor | undefined;

  constructor(sync: Tasks, parts: ListParts) {
    this.#sync = sync;
    this.#parts = parts;
  }

  get isEditing(): boolean {
    return this.#editor !== undefined;
  }

  show(): void {
    const tasks = tasksIn(this.#sync);
    const ids = new Set<string>(tasks.map(({ id }) => id));
    for (const id of this.#rows.keys()) if (!ids.has(id)) this.#rows.delete(id);
    const editor = this.#editor;
    editor?.show(tasks.find(({ id }) => id === editor.id));
    const elements: HTMLElement[] = tasks.map((task) => {
      const row = this.#rowOf(task);
      row.show(task, this.#parts.marksOf(task.id));
      return task.id === editor?.id ? editor.element : row.element;
    });
    if (editor !== undefined && !ids.has(editor.id)) elements.push(editor.element);
    elements.push(...this.#lost(ids));
    this.#place(elements);
    this.#parts.empty.hidden = elements.length > 0;
  }

  /** What was deleted here, and was changed elsewhere, is not over. */
  #lost(ids: ReadonlySet<string>): HTMLElement[] {
    const { conflicts, settle } = this.#parts;
    const lost = conflicts().filter(({ id }) => !ids.has(id));
    const isLost = new Set(lost.map(({ id }) => id));
    for (const id of this.#lostRows.keys()) if (!isLost.has(id)) this.#lostRows.delete(id);
    return lost.map(({ id, title }) => {
      const row = this.#lostRows.get(id) ?? lostRow(title, () => settle(id));
      this.#lostRows.set(id, row);
      return row;
    });
  }

  /** Leaves what is in its place alone: to move it would take the keyboard's focus from it. */
  #place(elements: readonly HTMLElement[]): void {
    const { list } = this.#parts;
    const wanted = new Set<Element>(elements);
    for (const child of [...list.children]) if (!wanted.has(child)) child.remove();
    elements.forEach((element, i) => {
      if (list.children[i] !== element) list.insertBefore(element, list.children[i] ?? null);
    });
  }

  #rowOf(task: TaskObject): TaskRow {
    const known = this.#rows.get(task.id);
    if (known !== undefined) return known;
    const row = new TaskRow(task, {
      tick: ({ id }, done) => void this.#sync.update({ id, done }),
      edit: (one) => this.#edit(one),
      settle: ({ id }) => this.#parts.settle(id),
    });
    this.#rows.set(task.id, row);
    return row;
  }

  #edit(task: TaskObject): void {
    const editor = new TaskEditor(task, {
      save: (changes) => {
        const { id, opened } = editor;
        if (this.#sync.get(id) === undefined) void this.#sync.create({ id, ...opened, ...changes });
        else if (Object.keys(changes).length > 0) void this.#sync.update({ id, ...changes });
        this.#close();
      },
      remove: () => {
        void this.#sync.destroy(task.id);
        this.#close();
      },
      close: () => this.#close(),
    });
    this.#editor = editor;
    this.show();
    editor.focus();
  }

  #close(): void {
    const id = this.#editor?.id ?? "";
    this.#editor = undefined;
    this.show();
    this.#rows.get(id)?.focus();
    this.#parts.closed();
  }
}
