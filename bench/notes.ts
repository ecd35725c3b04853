import { digest } from "./world.ts";

/** What the workload `sync` keeps on both sides. */
export interface Note {
  title: string;
  done: boolean;
  note: string;
  at: number;
}

export type NoteId = `note:${number}`;

export function noteId(index: number): NoteId {
  return `note:${index}`;
}

/** The same one for the same index, at first. */
export function note(index: number): Note {
  return {
    title: `the note ${index}`,
    done: false,
    note: `what is to be done about ${index}, in a sentence or two of somebody's own words`,
    at: 1_700_000_000_000 + index * 1_009,
  };
}

/** Which notes somebody changes, and for the how manieth time. */
export interface NoteChange {
  readonly first: number;
  /** From one to the next. */
  readonly step: number;
  readonly count: number;
  readonly turn: number;
}

/** What becomes of notes, by their ids. */
export function changesOf({ first, step, count, turn }: NoteChange): Map<NoteId, Partial<Note>> {
  const done = turn % 2 === 0;
  return new Map(
    Array.from({ length: count }, (_, i) => {
      const index = first + i * step;
      // Sometime on one day, each at a time of its own.
      const at = 1_800_000_000_000 + ((index * 15_485_863 + turn * 104_729) % 86_400_000);
      return [noteId(index), { done, at }];
    }),
  );
}

/** How long the objects that change are as JSON, whole as they are then. */
export function jsonBytesOf(change: NoteChange): number {
  let bytes = 0;
  for (const [id, changed] of changesOf(change)) {
    const before = note(Number(id.slice("note:".length)));
    bytes += JSON.stringify({ id, ...before, ...changed }).length;
  }
  return bytes;
}

/** One text that two sides have in common only if they are equal. */
export function notesFingerprint(notes: ReadonlyMap<string, Note>): string {
  const sum = digest(notes, ({ title, done, note, at }) => `${title},${done},${note},${at}`);
  return `${notes.size} notes ${sum}`;
}
