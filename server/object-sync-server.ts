import {
  createServer,
  type Server as HttpServer,
  type ServerOptions as ServerSettings,
} from "node:http";
import type { AddressInfo } from "node:net";
import { inspect } from "node:util";
import type { Callback } from "../lib/callback.ts";
import { SyncError } from "../lib/errors.ts";
import type { SyncObject } from "../lib/object.ts";
import type { Writable } from "../lib/transaction.ts";
import { admission } from "./admission.ts";
import { Authorizers, type Authorize } from "./authorization.ts";
import { ChangeChecks, type ChangeCheck } from "./change-checks.ts";
import { Endings } from "./endings.ts";
import { realEnvironment, timeOfDay } from "./environment.ts";
import { bindHandlers, type HandlerName, type Handlers } from "./handlers.ts";
import { HostedWorld, type WorldEvents } from "./hosted-world.ts";
import { HttpDoor, type HttpListener } from "./http-door.ts";
import type { IdentityKey } from "./identity.ts";
import { Lifetimes } from "./lifetimes.ts";
import { resolveOptions, type ResolvedOptions, type ServerOptions } from "./options.ts";
import { checkRules, type Rules } from "./rules.ts";
import {
  joinSocketIo,
  openSocketIo,
  type Handshake,
  type OwnSocketIo,
  type SocketIoServer,
} from "./socket-io.ts";
import { MemoryStore } from "./stores/memory.ts";

const DEFAULT_WORLD = "default";
/** How long the first lines of a request may take, and how often it is looked whether they do: as in Node. */
const HEADERS_TIMEOUT_MS = 60_000;
const CHECK_REQUESTS_MS = 30_000;
/** Origins that are told of: anybody can invent more. */
const STRANGERS_TOLD_MAX = 10;

export interface WorldOptions {
  /** Whether the world is for the server's own code alone: to clients it does not exist. */
  readonly private?: boolean;
}

/** An extension: it gets the server, and uses nothing but its public API. */
export type Plugin = (server: ObjectSyncServer) => void;

/**
 * Keeps worlds of objects and replicates them to every connected client.
 *
 * ```ts
 * const sync = new ObjectSyncServer();
 * await sync.listen(3000);
 * await sync.create({ id: "tree:1", x: 10, y: 20 });
 * ```
 *
 * What is not about connections is about its world "default": `sync.create(...)` is
 * `sync.world("default").create(...)`.
 */
export class ObjectSyncServer {
  readonly #options: ResolvedOptions;
  readonly #handlers: Handlers;
  readonly #checks = new ChangeChecks();
  readonly #authorizers = new Authorizers();
  #rules: Rules | undefined;
  readonly #worlds = new Map<string, HostedWorld>();
  readonly #strangers = new Set<string>();
  readonly #endings = new Endings();
  readonly #door: HttpDoor;
  readonly #privateWorlds = new Map<string, HostedWorld>();
  readonly #detach: (() => void | Promise<void>)[] = [];
  readonly #ownHttps = new Set<unknown>();
  #ownSockets: OwnSocketIo[] = [];
  #closing: Promise<void> | undefined;

  /** Throws `bad_option`, naming the option, and `store_contract`, naming what the store lacks. */
  constructor(options: ServerOptions = {}) {
    const isProduction = process.env["NODE_ENV"] === "production";
    this.#options = resolveOptions(options, () => new MemoryStore(), isProduction);
    this.#handlers = { ...this.#options.handlers };
    this.#rules = this.#options.rules;
    const { authorize } = this.#options;
    if (authorize !== undefined) this.#authorizers.add(authorize);
    this.#door = this.#httpDoor();
    for (const name of [DEFAULT_WORLD, ...this.#options.worlds]) this.world(name);
  }

  /**
   * The world of this name, which clients can join from now on: unless it is first asked for as a
   * private one, which is for the server's own code alone. Nothing in that is ephemeral, and no
   * handler, no check and no migration hears of it. Throws `bad_option` when clients can join the world already.
   */
  world(name: string, options: WorldOptions = {}): HostedWorld {
    const isPrivate = isForServer(options);
    const known = this.#worlds.get(name) ?? this.#privateWorlds.get(name);
    if (known === undefined) return this.#open(name, isPrivate);
    if (!isPrivate || this.#privateWorlds.has(name)) return known;
    const message = `the world ${name} cannot be private: clients can join it already`;
    throw new SyncError("bad_option", message, { property: "private" });
  }

  #open(name: string, isPrivate: boolean): HostedWorld {
    this.#checkOpen();
    const { store, flush, limits, ephemeral, sessionObjects } = this.#options;
    const { channels, references } = this.#options;
    const authorizers = this.#authorizers;
    const conflicts = isPrivate ? "merge" : this.#options.conflicts;
    const migrations = isPrivate ? undefined : this.#options.migrations;
    const rules = this.#rules;
    const lifetimes = isPrivate ? new Lifetimes([], []) : new Lifetimes(ephemeral, sessionObjects);
    const handlers = isPrivate ? {} : this.#handlers;
    const environment = realEnvironment;
    const places = { name, store, migrations, limits, environment };
    const checks = isPrivate ? new ChangeChecks() : this.#checks;
    const whoMay = { authorizers, rules, channels, checks };
    const behaviour = { handlers, conflicts, references, flush, lifetimes };
    const world = new HostedWorld({ ...places, ...whoMay, ...behaviour });
    (isPrivate ? this.#privateWorlds : this.#worlds).set(name, world);
    return world;
  }

  get #allWorlds(): HostedWorld[] {
    return [...this.#worlds.values(), ...this.#privateWorlds.values()];
  }

  /** Serves clients on an HTTP server of its own. Resolves with its port once it can be reached. */
  async listen(port = 3000, host?: string): Promise<number> {
    if (!Number.isInteger(port) || port < 0 || port > 65_535) {
      throw badArgument("listen", `a port from 0 to 65535, not ${inspect(port)}`);
    }
    if (host !== undefined && typeof host !== "string") {
      throw badArgument("listen", "a host after the port, and no callback: it returns a promise");
    }
    const http = createServer(this.#patience, (_req, res) => {
      res.writeHead(404, { "Content-Type": "text/plain; charset=utf-8" });
      res.end("object-sync: there is nothing here but the objects.\n");
    });
    this.attach(http);
    this.#ownHttps.add(http);
    await Promise.all(this.#allWorlds.map((world) => world.opened()));
    this.#checkOpen();
    await new Promise<void>((resolve, reject) => {
      http.once("error", reject);
      http.listen(port, host, () => {
        http.off("error", reject);
        resolve();
      });
    });
    if (this.#closing !== undefined) http.close(); // closed before there was anything to close
    this.#checkOpen();
    return (http.address() as AddressInfo).port;
  }

  /** How long an HTTP server of our own waits for a request. */
  get #patience(): ServerSettings {
    const { requestTimeoutMs } = this.#options.limits;
    return {
      requestTimeout: requestTimeoutMs,
      headersTimeout: Math.min(HEADERS_TIMEOUT_MS, requestTimeoutMs),
      connectionsCheckingInterval: Math.min(CHECK_REQUESTS_MS, requestTimeoutMs),
    };
  }

  /** Serves clients on an application's HTTP server, or in a socket.io server that it has already. */
  attach(target: HttpServer | SocketIoServer): this {
    this.#checkOpen();
    if (!isServer(target)) {
      const servers = "a server of node:http or node:https, or a socket.io Server";
      throw badArgument("attach", `${servers}, not ${inspect(target, { depth: 0 })}`);
    }
    const { path, namespace, limits, origins } = this.#options;
    const door = {
      authenticate: this.#options.authenticate,
      limits,
      worldOf: (name: string) => this.#worlds.get(name),
      environment: realEnvironment,
      timeOfDay,
      endings: this.#endings,
    };
    const options = {
      path,
      namespace,
      limits,
      origins,
      onStranger: (origin: string) => this.#tellOf(origin),
      admit: (handshake: Handshake) => admission(handshake, door),
    };
    if (isSocketIo(target)) {
      this.#detach.push(joinSocketIo(target, options));
      const http = target.httpServer as HttpServer | undefined; // not until it listens
      if (http !== undefined) this.#detach.push(this.#door.attach(http));
    } else {
      this.#ownSockets.push(openSocketIo(target, options));
      this.#detach.push(this.#door.attach(target));
    }
    return this;
  }

  use(plugin: Plugin): this {
    if (typeof plugin !== "function") {
      const message =
        "use() takes a function: of what has a plugin, as `accounts`, `accounts.plugin`";
      throw new SyncError("invalid_payload", message);
    }
    plugin(this);
    return this;
  }

  /**
   * Has `listener` answer the requests for `path`, and for what is below it, on every HTTP server that
   * this one listens on or is attached to: those of pages that may connect (`origins`), and of what is no
   * page. What it throws is answered as JSON. Returns what takes it away again.
   */
  http(path: string, listener: HttpListener): () => void {
    return this.#door.add(path, listener);
  }

  /** Puts a handler in the place of the one that there is, in all worlds; undefined takes it away. */
  setHandler<Name extends HandlerName>(name: Name, handler: Handlers[Name]): this {
    bindHandlers({ [name]: handler });
    if (handler === undefined) Reflect.deleteProperty(this.#handlers, name);
    else this.#handlers[name] = handler;
    return this;
  }

  /**
   * Asks `check` about every create and update in all worlds, clients' and the server's own, at the
   * moment of its commit, and before handlers hear of it. It throws a SyncError to refuse the write.
   * Returns what takes it away again.
   */
  check(check: ChangeCheck): () => void {
    if (typeof (check as unknown) !== "function") {
      throw badArgument("check", `a function, not ${inspect(check)}`);
    }
    return this.#checks.add(check);
  }

  /**
   * Asks `authorize` as well, besides the option of this name, whether a client may make a change, of
   * whatever kind and in whatever world: at the moment of its commit, and before handlers hear of it.
   * Returns what takes it away again.
   */
  authorize(authorize: Authorize): () => void {
    if (typeof (authorize as unknown) !== "function") {
      throw badArgument("authorize", `a function, not ${inspect(authorize)}`);
    }
    return this.#authorizers.add(authorize);
  }

  /**
   * Ends the sessions of an identity in all worlds, and tells how many there were: by its key, which
   * is the identity itself if that is a text or a number, or its `id`. The clients hear
   * `unauthenticated` and stay offline, and so do those whose credentials are being checked.
   */
  endSessions(key: IdentityKey): number {
    this.#endings.add(key);
    let count = 0;
    for (const world of this.#worlds.values()) count += world.endSessions(key);
    return count;
  }

  create(object: Writable, callback?: Callback<SyncObject>): Promise<SyncObject> {
    return this.world(DEFAULT_WORLD).create(object, callback);
  }

  update(object: Writable, callback?: Callback<SyncObject>): Promise<SyncObject> {
    return this.world(DEFAULT_WORLD).update(object, callback);
  }

  save(object: Writable, callback?: Callback<SyncObject>): Promise<SyncObject> {
    return this.world(DEFAULT_WORLD).save(object, callback);
  }

  destroy(id: string, callback?: Callback<undefined>): Promise<undefined> {
    return this.world(DEFAULT_WORLD).destroy(id, callback);
  }

  transaction(
    fill: Parameters<HostedWorld["transaction"]>[0],
    callback?: Callback<undefined>,
  ): Promise<undefined> {
    return this.world(DEFAULT_WORLD).transaction(fill, callback);
  }

  fetch(id: string, callback?: Callback<SyncObject | null>): Promise<SyncObject | null>;
  fetch(
    ids: readonly string[],
    callback?: Callback<(SyncObject | null)[]>,
  ): Promise<(SyncObject | null)[]>;
  fetch(
    ids: string | readonly string[],
    callback?: Callback<never>,
  ): Promise<SyncObject | null | (SyncObject | null)[]> {
    return this.world(DEFAULT_WORLD).fetch(ids as string, callback as Callback<SyncObject | null>);
  }

  refresh(
    ids: readonly string[],
    callback?: Callback<(SyncObject | null)[]>,
  ): Promise<(SyncObject | null)[]> {
    return this.world(DEFAULT_WORLD).refresh(ids, callback);
  }

  get(id: string): SyncObject | undefined {
    return this.world(DEFAULT_WORLD).get(id);
  }

  allObjects(): ReadonlyMap<string, SyncObject> {
    return this.world(DEFAULT_WORLD).allObjects();
  }

  /**
   * Other rules in all worlds from now on; undefined lets everyone do everything. Clients lose their
   * connection for a moment, and what they may not see any more; those who are away, on coming back.
   */
  setRules(rules: Rules | undefined): this {
    this.#rules = rules === undefined ? undefined : checkRules(rules);
    for (const world of this.#allWorlds) world.changeRules(this.#rules);
    return this;
  }

  revoke(ids?: readonly string[]): Promise<void> {
    return this.world(DEFAULT_WORLD).revoke(ids);
  }

  on<Name extends keyof WorldEvents>(event: Name, listener: WorldEvents[Name]): () => void {
    return this.world(DEFAULT_WORLD).on(event, listener);
  }

  /**
   * Decides every write that was taken, tells the clients to come back later, and lets go of what
   * this server has opened. An HTTP or socket.io server that it was attached to stays open.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  #httpDoor(): HttpDoor {
    const { path, origins } = this.#options;
    return new HttpDoor({
      path,
      origins,
      onStranger: (origin) => this.#tellOf(origin),
      onError: (error) => this.world(DEFAULT_WORLD).report(error),
    });
  }

  /** Whoever runs the server must know: a page cannot see why it was refused. */
  #tellOf(origin: string): void {
    if (this.#strangers.has(origin) || this.#strangers.size >= STRANGERS_TOLD_MAX) return;
    this.#strangers.add(origin);
    const message = `a page of ${origin.slice(0, 256)} may not connect: see the option origins`;
    this.world(DEFAULT_WORLD).report(new SyncError("forbidden", message, { property: "origins" }));
  }

  #checkOpen(): void {
    if (this.#closing !== undefined) throw new SyncError("closed", "this server is closed");
  }

  async #close(): Promise<void> {
    await Promise.all(this.#allWorlds.map((world) => world.close()));
    for (const detach of this.#detach.splice(0)) await detach();
    for (const { io, leave } of this.#ownSockets.splice(0)) {
      await leave();
      // Closing socket.io closes the HTTP server that it sits on, and that may not be ours.
      if (this.#ownHttps.has(io.httpServer)) await io.close();
    }
    await this.#options.store.close();
  }
}

/** A slip here would open a private world to every client. */
function isForServer(options: WorldOptions): boolean {
  for (const [name, value] of Object.entries(options)) {
    if (name === "private" && (value === undefined || typeof value === "boolean")) continue;
    const message = "world() takes { private: true } and nothing else";
    throw new SyncError("bad_option", message, { property: name });
  }
  return options.private === true;
}

function isServer(target: unknown): target is HttpServer | SocketIoServer {
  if (typeof target !== "object" || target === null) return false;
  return "of" in target || ("on" in target && "listen" in target);
}

function badArgument(method: string, wanted: string): SyncError {
  return new SyncError("bad_option", `${method}() takes ${wanted}`, { property: method });
}

function isSocketIo(target: HttpServer | SocketIoServer): target is SocketIoServer {
  return "of" in target;
}

/** node-object-sync's way in: handlers first. */
export const ObjectSync = {
  /** Serves clients on an HTTP server, with an application's own database behind the handlers. */
  listen(
    http: HttpServer | SocketIoServer,
    handlers: Handlers = {},
    options: Omit<ServerOptions, "handlers"> = {},
  ): ObjectSyncServer {
    return new ObjectSyncServer({ ...options, handlers }).attach(http);
  },
};
