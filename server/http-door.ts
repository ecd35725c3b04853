import type { IncomingMessage, Server as HttpServer, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { SyncError } from "../lib/errors.ts";
import { serveClient } from "./client-files.ts";
import { answerError, RequestError } from "./http-errors.ts";
import { corsFor, isWelcome, type Origins } from "./origins.ts";

/** Answers requests. What it throws, or rejects with, is answered as an error. */
export type HttpListener = (request: IncomingMessage, response: ServerResponse) => unknown;

export interface HttpDoorOptions {
  /** Where socket.io is, and the client's files. */
  readonly path: string;
  readonly origins: Origins | undefined;
  /** A page of this origin asked for something, and may not. */
  readonly onStranger: (origin: string) => void;
  /** A listener failed. */
  readonly onError: (error: SyncError) => void;
}

const METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE";

/**
 * What a server of ours answers over HTTP besides socket.io: the client's files, and whatever was put
 * at a path. It stands before every other listener of an HTTP server, socket.io's among them, and leaves
 * the rest to these.
 *
 * What was put at a path is for the same pages that may connect: a page of another origin can post what
 * it likes, with the user's cookies, to a server that does not look at its Origin.
 */
export class HttpDoor {
  readonly #options: HttpDoorOptions;
  readonly #listeners = new Map<string, HttpListener>();
  /** What the last request on each connection waits for, or the next one will. */
  readonly #answering = new WeakMap<Socket, Promise<void>>();

  constructor(options: HttpDoorOptions) {
    this.#options = options;
  }

  /** Returns its undo. Throws `bad_option` when the path is taken, or is none. */
  add(path: string, listener: HttpListener): () => void {
    this.#check(path, listener);
    this.#listeners.set(path, listener);
    return () => {
      if (this.#listeners.get(path) === listener) this.#listeners.delete(path);
    };
  }

  /** Returns its undo: what came later may stand before it, so it stays, and leaves all to the others. */
  attach(http: HttpServer): () => void {
    const others = http.listeners("request") as HttpListener[];
    let isServing = true;
    http.removeAllListeners("request");
    http.on("request", (request, response) => {
      if (isServing && this.#answer(request, response)) return;
      for (const other of others) other.call(http, request, response);
    });
    return () => {
      isServing = false;
    };
  }

  #answer(request: IncomingMessage, response: ServerResponse): boolean {
    if (serveClient(this.#options.path, request, response)) return true;
    const listener = this.#listenerFor(request.url ?? "");
    if (listener === undefined) return false;
    if (this.#letIn(request, response)) void this.#callInTurn(listener, request, response);
    return true;
  }

  /**
   * One after another on each connection, as they are answered in this order anyway. Otherwise somebody
   * could send a hundred at once, and read none of the answers that are all made by then.
   */
  async #callInTurn(
    listener: HttpListener,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const { socket } = request;
    const before = this.#answering.get(socket);
    const over = new Promise<void>((resolve) => void response.once("close", resolve));
    this.#answering.set(socket, before === undefined ? over : before.then(() => over));
    await before;
    if (before === undefined || !socket.destroyed) await this.#call(listener, request, response);
  }

  /** Of the longest path that the request's is, or is below. */
  #listenerFor(url: string): HttpListener | undefined {
    let longest = "";
    for (const path of this.#listeners.keys()) {
      if (path.length > longest.length && isAtOrBelow(path, url)) longest = path;
    }
    return this.#listeners.get(longest);
  }

  /** Looks at which page it comes from, and says to browsers what pages of other origins may read. */
  #letIn(request: IncomingMessage, response: ServerResponse): boolean {
    const { headers, socket, method } = request;
    const { origins, onStranger } = this.#options;
    if (!isWelcome({ headers, isEncrypted: "encrypted" in socket }, origins)) {
      onStranger(headers.origin ?? "an unknown origin");
      answerError(response, new RequestError(403, "forbidden", "a page of this origin may not"));
      return false;
    }
    if (origins === undefined || headers.origin === undefined) return true;
    const { origin, credentials } = corsFor(origins);
    response.setHeader("Access-Control-Allow-Origin", origin === "*" ? origin : headers.origin);
    response.setHeader("Vary", "Origin");
    if (credentials) response.setHeader("Access-Control-Allow-Credentials", "true");
    if (method !== "OPTIONS") return true;
    response.setHeader("Access-Control-Allow-Methods", METHODS);
    const wanted = headers["access-control-request-headers"];
    if (wanted !== undefined) response.setHeader("Access-Control-Allow-Headers", wanted);
    response.writeHead(204).end();
    return false;
  }

  async #call(
    listener: HttpListener,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    try {
      await listener(request, response);
    } catch (cause) {
      const failed = "what answers requests over HTTP failed";
      const error = new SyncError("handler_failed", failed, { cause });
      if (!(cause instanceof SyncError)) this.#options.onError(error);
      answerError(response, cause instanceof SyncError ? cause : error);
    }
  }

  #check(path: string, listener: unknown): void {
    const refuse = (property: string, message: string): never => {
      throw new SyncError("bad_option", `http() takes ${message}`, { property });
    };
    if (typeof path !== "string" || !/^(?:\/[^\s?#/]+)+$/.test(path)) {
      refuse("path", `a path as "/notes", with no slash at its end`);
    }
    if (path === this.#options.path) refuse("path", `another path than ${path}, the server's own`);
    if (this.#listeners.has(path)) refuse("path", `a path that is free, and ${path} is not`);
    if (typeof listener !== "function") refuse("listener", "a function after the path");
  }
}

function isAtOrBelow(path: string, url: string): boolean {
  const next = url[path.length];
  return url.startsWith(path) && (next === undefined || next === "/" || next === "?");
}
