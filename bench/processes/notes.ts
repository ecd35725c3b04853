import type { Contestant } from "../contestants/contestant.ts";
import type { NoteServer } from "../contestants/visits.ts";
import { notesFingerprint, type NoteChange } from "../notes.ts";

/** The server of clients that sync when they are told to. */
export class Notes {
  #server: NoteServer | undefined;

  async serve(contestant: Contestant): Promise<number> {
    if (contestant.visits === undefined) throw new Error("this contestant takes no visits");
    this.#server = await contestant.visits.serve();
    return this.#server.port;
  }

  add(count: number): Promise<void> {
    return this.#running.add(count);
  }

  change(change: NoteChange): Promise<void> {
    return this.#running.change(change);
  }

  async fingerprint(): Promise<string> {
    return notesFingerprint(await this.#running.view());
  }

  get #running(): NoteServer {
    if (this.#server === undefined) throw new Error("not started yet");
    return this.#server;
  }
}
