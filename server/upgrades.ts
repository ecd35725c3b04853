import type { IncomingMessage, Server as HttpServer } from "node:http";
import type { Socket } from "node:net";

type Listener = (...args: unknown[]) => void;

/**
 * Who answers the requests on one HTTP server to become a WebSocket. Node leaves them to whoever listens,
 * and lets go of their sockets: an error on one that nobody has taken would end the process, and nothing
 * would ever close it. So what is for no path of ours is answered here, unless an application listens as
 * well: then that is its business.
 *
 * engine.io stays on an HTTP server for ever. On a path that it has left it still turns WebSockets away,
 * until the next server of ours comes there: two of them cannot answer one request.
 */
export class Upgrades {
  static readonly #all = new WeakMap<HttpServer, Upgrades>();
  readonly #http: HttpServer;
  /** By path. */
  readonly #ours = new Map<string, ReadonlySet<Listener>>();
  readonly #answer: Listener;

  private constructor(http: HttpServer) {
    this.#http = http;
    this.#answer = (request, socket) => {
      const { url = "" } = request as IncomingMessage;
      if (this.#isTaken(url)) return;
      refuseUpgrade(socket as Socket, "404 Not Found");
    };
    http.on("upgrade", this.#answer);
  }

  static of(http: HttpServer): Upgrades {
    const upgrades = this.#all.get(http) ?? new Upgrades(http);
    this.#all.set(http, upgrades);
    return upgrades;
  }

  /** Notes that what `open` adds answers on this path, in the place of who has done so before. */
  take<Opened>(path: string, open: () => Opened): Opened {
    for (const listener of this.#ours.get(path) ?? []) this.#http.off("upgrade", listener);
    const others = new Set(this.#listeners);
    const opened = open();
    this.#ours.set(path, new Set(this.#listeners.filter((listener) => !others.has(listener))));
    return opened;
  }

  get #listeners(): Listener[] {
    return this.#http.listeners("upgrade") as Listener[];
  }

  #isTaken(url: string): boolean {
    const ours = new Set([this.#answer]);
    for (const [path, listeners] of this.#ours) {
      if (url.startsWith(`${path}/`)) return true;
      for (const listener of listeners) ours.add(listener);
    }
    return this.#listeners.some((listener) => !ours.has(listener));
  }
}

/** Answers a request to become a WebSocket, and closes its connection. */
export function refuseUpgrade(socket: Socket, status: "403 Forbidden" | "404 Not Found"): void {
  socket.on("error", () => undefined); // whoever is refused may have gone
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
  socket.destroySoon(); // and not when the other side closes as well
}
