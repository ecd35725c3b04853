import { once } from "node:events";
import { createServer, type RequestListener, type Server as HttpServer } from "node:http";
import type { AddressInfo } from "node:net";
import { ObjectSync, type ObjectSyncOptions } from "../../client/index.ts";
import { ObjectSyncServer, type ServerOptions } from "../../server/index.ts";
import { Network } from "./network.ts";

/** A client comes back quickly: tests need not wait as people do. */
export const HASTY = { retryDelayMinMs: 10, retryDelayMaxMs: 40 };

/**
 * After an outage a client may come back by polling first, which a tap does not understand, and of
 * which a cut between two polls is no interruption.
 */
export const TAPPED = { transports: ["websocket"] } as const;

export interface Served {
  readonly sync: ObjectSyncServer;
  readonly port: number;
  readonly url: string;
}

/** Opens real servers, networks and clients for a test, and closes all of them after it. */
export class Stage {
  readonly #closings: (() => unknown)[] = [];

  /** Runs `close` after the test; what was opened last is closed first. */
  afterwards(close: () => unknown): void {
    this.#closings.push(close);
  }

  async serve(options: ServerOptions = {}, port = 0): Promise<Served> {
    const sync = new ObjectSyncServer(options);
    this.afterwards(() => sync.close());
    const used = await sync.listen(port);
    return { sync, port: used, url: urlOf(used) };
  }

  /** An application's own HTTP server. */
  async http(listener: RequestListener = notFound): Promise<{ http: HttpServer; url: string }> {
    const http = createServer(listener);
    this.afterwards(() => {
      http.closeAllConnections();
      http.close();
    });
    http.listen(0);
    await once(http, "listening");
    return { http, url: urlOf((http.address() as AddressInfo).port) };
  }

  async network(port: number): Promise<Network> {
    const network = await Network.to(port);
    this.afterwards(() => network.close());
    return network;
  }

  /** A client that may not be connected yet. */
  client(url: string, options: ObjectSyncOptions = {}): ObjectSync {
    const sync = new ObjectSync(url, { ...options, limits: { ...HASTY, ...options.limits } });
    this.afterwards(() => sync.close());
    return sync;
  }

  /** A client that sees the world. */
  async join(url: string, options: ObjectSyncOptions = {}): Promise<ObjectSync> {
    const sync = this.client(url, options);
    await sync.whenSynced();
    return sync;
  }

  async clear(): Promise<void> {
    for (const close of this.#closings.splice(0).reverse()) await close();
  }
}

function notFound(...[, response]: Parameters<RequestListener>): void {
  response.writeHead(404).end();
}

export function urlOf(port: number): string {
  return `http://localhost:${port}`;
}

/** Resolves at the client's next event of this name: to be asked before what causes it. */
export function next(
  sync: ObjectSync,
  event: "connect" | "disconnect" | "synced" | "reject" | "error" | "restored",
): Promise<void> {
  return new Promise((resolve) => {
    sync.once(event, () => resolve());
  });
}

/** The object events of a client from now on, each as a line: "update tree height". */
export function recordEvents(sync: ObjectSync): string[] {
  const events: string[] = [];
  sync.on("create", ({ id }) => events.push(`create ${id}`));
  sync.on("add", ({ id }) => events.push(`add ${id}`));
  sync.on("update", ({ id }, changed) => {
    events.push(`update ${id} ${Object.keys(changed).sort().join()}`);
  });
  sync.on("destroy", (id) => events.push(`destroy ${id}`));
  sync.on("remove", (id) => events.push(`remove ${id}`));
  return events;
}

/** All that somebody sees, as plain data. */
export function viewOf(sync: {
  allObjects(): ReadonlyMap<string, object>;
}): Record<string, unknown> {
  return Object.fromEntries([...sync.allObjects()].map(([id, object]) => [id, { ...object }]));
}
