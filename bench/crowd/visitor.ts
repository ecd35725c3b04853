import { subscribe } from "node:diagnostics_channel";
import type { Contestant } from "../contestants/contestant.ts";
import type { Moved, NoteClient } from "../contestants/visits.ts";
import { notesFingerprint, type NoteChange } from "../notes.ts";
import { bytesReceived, bytesSent } from "./sockets.ts";

let requests = 0;
subscribe("http.client.request.start", () => {
  requests += 1;
});

/** What one sync has come to. */
export interface Visit extends Moved {
  readonly ms: number;
  readonly received: number;
  readonly sent: number;
  /** HTTP requests; to open a WebSocket is one. */
  readonly requests: number;
}

/** The one client that keeps a copy, and syncs when it is told to. */
export class Visitor {
  #client: NoteClient | undefined;

  async open(contestant: Contestant, port: number): Promise<void> {
    if (contestant.visits === undefined) throw new Error("this contestant makes no visits");
    this.#client = await contestant.visits.open(port);
  }

  change(change: NoteChange): Promise<void> {
    return this.#opened.change(change);
  }

  async fingerprint(): Promise<string> {
    return notesFingerprint(await this.#opened.view());
  }

  async sync(): Promise<Visit> {
    const before = { received: bytesReceived(), sent: bytesSent(), requests };
    const start = performance.now();
    const { pulled, pushed } = await this.#opened.sync();
    return {
      pulled,
      pushed,
      ms: performance.now() - start,
      received: bytesReceived() - before.received,
      sent: bytesSent() - before.sent,
      requests: requests - before.requests,
    };
  }

  get #opened(): NoteClient {
    if (this.#client === undefined) throw new Error("not opened yet");
    return this.#client;
  }
}
