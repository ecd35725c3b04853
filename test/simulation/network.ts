import { SyncError } from "../../lib/errors.ts";
import type { Connect, Link, LinkEvents } from "../../lib/link.ts";
import type { Hello } from "../../lib/messages.ts";
import { Connection, type Wiretap } from "./connection.ts";
import type { Climate } from "./pipe.ts";
import type { SimProcess } from "./process.ts";
import type { SeededRandom } from "./random.ts";
import type { Timeline } from "./timeline.ts";

/** A server that can be reached. */
export interface Listener {
  readonly process: SimProcess;
  /** Lets a client in, or rejects with what to tell it. */
  admit(hello: unknown): Promise<(link: Link) => LinkEvents>;
}

/** Where clients find the server, and all connections between them. */
export class Network {
  readonly climate: Climate;
  readonly #timeline: Timeline;
  readonly #random: SeededRandom;
  readonly #isSloppy: boolean;
  readonly #blocked = new Map<string, number>();
  #connections: Connection[] = [];
  #listener: Listener | undefined;
  /** Told of each connection that a server lets in. */
  onAdmitted: (connection: Connection, hello: Hello) => Wiretap;

  constructor(
    timeline: Timeline,
    random: SeededRandom,
    climate: Climate,
    isSloppy: boolean,
    onAdmitted: Network["onAdmitted"],
  ) {
    this.#timeline = timeline;
    this.#random = random;
    this.climate = climate;
    this.#isSloppy = isSloppy;
    this.onAdmitted = onAdmitted;
  }

  /** Those that at least one side still believes in. */
  get connections(): readonly Connection[] {
    this.#connections = this.#connections.filter(
      (connection) => connection.client.isOpen || connection.server?.isOpen === true,
    );
    return this.#connections;
  }

  listen(listener: Listener): void {
    this.#listener = listener;
  }

  stopListening(): void {
    this.#listener = undefined;
  }

  /** This client cannot reach the server for a while. */
  block(name: string, forMs: number): void {
    this.#blocked.set(name, this.#timeline.now + forMs);
  }

  heal(): void {
    this.#blocked.clear();
    for (const { up, down } of this.#connections) {
      up.heal();
      down.heal();
    }
  }

  /** How the client in a process opens links. */
  connectFrom(process: SimProcess, name: string): Connect {
    return (hello, events) => {
      const connection = new Connection(
        name,
        process,
        this.#timeline,
        this.#random,
        this.climate,
        this.#isSloppy,
      );
      this.#connections.push(connection);
      connection.client.listen(events);
      const isBlocked = (this.#blocked.get(name) ?? 0) > this.#timeline.now;
      if (isBlocked) connection.cut({ clientNoticesMs: 1_000, serverNoticesMs: 0 });
      // As the handshake carries it: nothing of the sender's own is shared.
      const copy = structuredClone(hello);
      connection.up.push(200, false, () => this.#dialled(connection, copy, () => events.opened()));
      return connection.client;
    };
  }

  #dialled(connection: Connection, hello: Hello, opened: () => void): void {
    const listener = this.#listener;
    if (listener?.process.isAlive !== true) {
      connection.endClient();
      return;
    }
    const { process } = listener;
    process.run(() => {
      listener.admit(hello).then(
        (session) => {
          if (!process.isAlive || !connection.isAdmissible) return;
          process.run(() => this.#admitted(connection, hello, process, session, opened));
        },
        (error: unknown) => {
          if (process.isAlive) connection.endClient(asSent(error));
        },
      );
    });
  }

  #admitted(
    connection: Connection,
    hello: Hello,
    process: SimProcess,
    session: (link: Link) => LinkEvents,
    opened: () => void,
  ): void {
    const end = connection.openServer(process);
    connection.tap = this.onAdmitted(connection, hello);
    connection.down.push(10, false, () => {
      if (connection.client.isOpen) connection.client.process.run(opened);
    });
    end.listen(session(end));
  }
}

/** A refusal as it comes out of the other side. */
function asSent(error: unknown): SyncError {
  if (error instanceof SyncError) return SyncError.from(error.toData());
  return new SyncError("unavailable", "the server failed on this connection");
}
