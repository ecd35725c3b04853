import type { Note, NoteChange } from "../notes.ts";

/** What clients do that keep a copy of everything on their disk, and sync only when they are told to. */
export interface Visits {
  serve(): Promise<NoteServer>;
  /** Of an empty client, which has not been to the server yet. */
  open(port: number): Promise<NoteClient>;
}

/** One side. */
interface NoteSide {
  /** Resolves when it is on this side's disk. */
  change(change: NoteChange): Promise<void>;
  view(): Promise<ReadonlyMap<string, Note>>;
}

export interface NoteServer extends NoteSide {
  readonly port: number;
  /** Puts the notes 0 to `count` - 1 there. Called once, before anyone connects. */
  add(count: number): Promise<void>;
}

/** How many objects have come, and how many have gone. */
export interface Moved {
  readonly pulled: number;
  readonly pushed: number;
}

export interface NoteClient extends NoteSide {
  /** Both ways. Throws when anything was refused. */
  sync(): Promise<Moved>;
}
