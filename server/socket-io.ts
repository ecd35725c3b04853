import type { IncomingMessage, Server as HttpServer, ServerResponse } from "node:http";
import { Server, type Namespace, type Socket } from "socket.io";
import * as parser from "socket.io-parser";
import { SyncError } from "../lib/errors.ts";
import type { ServerLimits } from "../lib/limits.ts";
import type { Link, LinkEvents } from "../lib/link.ts";
import { encodeGoodbye } from "../lib/messages.ts";
import { PROTOCOL } from "../lib/protocol.ts";
import { binaryParser, MessageFilter } from "../lib/socket-parser.ts";
import { boundedDecoder, UnreadHello } from "./bounded-decoder.ts";
import { OpenConnections } from "./open-connections.ts";
import { corsFor, isWelcome, type Origins } from "./origins.ts";
import { limitPackets } from "./polling-packets.ts";
import { tooLarge } from "./turn-away.ts";
import { refuseUpgrade, Upgrades } from "./upgrades.ts";
import { webSocketFrame } from "./web-socket-frame.ts";
import { onTooLarge, takeMessages } from "./web-socket-intake.ts";
import { frameSender, type SendFrame } from "./web-socket-sender.ts";
import { spreadOverTurns } from "./web-socket-turns.ts";

export type { Server as SocketIoServer };

/** How long a goodbye may take to leave before the connection is cut. */
const GOODBYE_MS = 2_000;
/** How often connections are looked at of which nothing is read. */
const GUARD_MS = 1_000;
/** A session lets `waitingBytesMax` wait, about as much of answers, and a page of one large commit. */
const CUT_FACTOR = 8;
/** Room for socket.io's own envelope around a message of the largest size. */
const ENVELOPE_BYTES = 1_024;

/** Bytes travel as text where WebSocket is blocked. */
const BASE64_SHARE = 3 / 4;

/** What is known of a client before it is let in. */
export interface Handshake {
  /** What the client gave as its hello, unchecked. */
  readonly hello: unknown;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** The address that the connection comes from. */
  readonly address: string;
  readonly url: string;
}

/** Lets a client in, or throws a SyncError; then begins its session on the open link. */
export type Admit = (handshake: Handshake) => Promise<(link: Link) => LinkEvents>;

export interface SocketIoOptions {
  readonly path: string;
  readonly namespace: string;
  readonly limits: ServerLimits;
  readonly origins: Origins | undefined;
  /** A page of this origin wanted to connect, and may not. */
  readonly onStranger: (origin: string) => void;
  readonly admit: Admit;
}

type Session = (link: Link) => LinkEvents;

/** A socket.io server of our own. */
export interface OwnSocketIo {
  readonly io: Server;
  /** Lets all clients go, and leaves the HTTP server to others, on the same path too. */
  readonly leave: () => Promise<void>;
}

/** Opens a socket.io server on an HTTP server, with the parser that saves half the messages. */
export function openSocketIo(http: HttpServer, options: SocketIoOptions): OwnSocketIo {
  const { path, namespace, limits } = options;
  const { Encoder, Decoder } = binaryParser<parser.Encoder, parser.Decoder>(
    parser,
    PROTOCOL.event,
    namespace,
    () => true,
    () => true, // a FrameLink hears of it
  );
  const open = (): Server =>
    new Server(http, {
      path,
      serveClient: false,
      ...(options.origins !== undefined && { cors: corsFor(options.origins) }),
      destroyUpgrade: false, // it would also end what an application is slow to answer
      maxHttpBufferSize: limits.messageBytesMax + ENVELOPE_BYTES,
      // The types want all of socket.io-parser; socket.io uses these two classes.
      parser: { Encoder, Decoder: boundedDecoder(Decoder) },
    });
  const io = Upgrades.of(http).take(path, open);
  // Of each request: `allowRequest` is asked about the first of a connection only.
  io.engine.use((request: IncomingMessage, response: ServerResponse, next: () => void) => {
    if (isAllowedPage(request, options)) next();
    else if (request.headers.upgrade !== undefined) refuseUpgrade(request.socket, "403 Forbidden");
    else response.writeHead(403).end("this origin may not connect\n");
  });
  if (namespace !== "/") {
    io.of("/").use((_socket, next) =>
      next(connectError(new SyncError("unsupported", "wrong namespace"))),
    );
  }
  const served = new WeakSet<Socket["conn"]>();
  const detach = join(io, options, (socket) => {
    served.add(socket.conn);
    socket.on("disconnect", () => served.delete(socket.conn));
    return new FrameLink(socket, limits);
  });
  spreadOverTurns(io.engine);
  // As many messages as a client may send in one burst.
  limitPackets(io.engine, 2 * limits.messagesPerSecondMax);
  cutWhoKnocksOn(io, (connection) => served.has(connection));
  const stopGuard = cutWhoReadsNothing(io, limits.waitingBytesMax * CUT_FACTOR);
  const leave = async (): Promise<void> => {
    stopGuard();
    await detach();
    io.engine.close(); // from now on it answers that it is closed
  };
  return { io, leave };
}

function isAllowedPage(
  { headers, socket }: IncomingMessage,
  { origins, onStranger }: SocketIoOptions,
): boolean {
  const isAllowed = isWelcome({ headers, isEncrypted: "encrypted" in socket }, origins);
  if (!isAllowed) onStranger(headers.origin ?? "an unknown origin");
  return isAllowed;
}

/**
 * What a client says in text before its session, or after it, is one hello. Socket.io would answer any
 * number of them, for this namespace and for others, and each would be another session to look after.
 */
function cutWhoKnocksOn(io: Server, isServed: (connection: Socket["conn"]) => boolean): void {
  io.engine.on("connection", (connection: Socket["conn"]) => {
    let hasKnocked = false;
    connection.on("data", (chunk: unknown) => {
      if (typeof chunk !== "string" || isServed(connection)) return;
      if (hasKnocked) connection.close(true);
      hasKnocked = true;
    });
  });
}

/**
 * ws answers every ping, and socket.io every request for a namespace, whether or not anything is
 * read; what a session lets wait is far less. Returns its undo.
 */
function cutWhoReadsNothing(io: Server, waitingBytesMax: number): () => void {
  const connections = new Set<Socket["conn"]>();
  io.engine.on("connection", (connection: Socket["conn"]) => {
    connections.add(connection);
    connection.once("close", () => connections.delete(connection));
  });
  const timer = setInterval(() => {
    for (const connection of connections) {
      if (waitingBytesOf(connection) > waitingBytesMax) connection.close(true);
    }
  }, GUARD_MS).unref();
  return () => clearInterval(timer);
}

/**
 * Serves clients in a namespace of a socket.io server, which may be an application's own. Returns
 * its undo, which waits until what was said to the clients has left, or long enough. After that who
 * comes is left to whoever serves them there, or sent away.
 */
export function joinSocketIo(io: Server, options: SocketIoOptions): () => Promise<void> {
  const { opts } = io as unknown as { opts: { cors?: { credentials?: unknown } } };
  if (options.origins === "*" && opts.cors?.credentials === true) {
    const message = `the option origins cannot be "*" where cors has credentials: any page could use them`;
    throw new SyncError("bad_option", message, { property: "origins" });
  }
  return join(io, options, (socket) => new SocketLink(socket));
}

function join(
  io: Server,
  options: SocketIoOptions,
  linkOf: (socket: Socket) => SocketLink,
): () => Promise<void> {
  const { namespace, admit } = options;
  const place: Namespace = io.of(namespace);
  const connections = new OpenConnections();
  /** Those whose client is let in, or is about to be: each has one session. */
  const taken = new WeakSet<Socket["conn"]>();
  let isServing = true;
  place.use((socket, next) => {
    if (!isServing) {
      next();
      return;
    }
    const { auth, headers, address, url } = socket.handshake;
    // Of an application's own io; ours has looked already.
    if (!isAllowedPage(socket.request, options)) {
      next(connectError(new SyncError("forbidden", "this origin may not connect")));
      return;
    }
    if (auth instanceof UnreadHello) {
      next(connectError(auth.error));
      return;
    }
    if (taken.has(socket.conn)) {
      next(connectError(new SyncError("unsupported", "a connection has one session")));
      return;
    }
    taken.add(socket.conn);
    admit({ hello: auth, headers, address, url }).then(
      (session) => {
        (socket.data as { session?: Session }).session = session;
        next();
      },
      (error: unknown) => {
        taken.delete(socket.conn);
        next(connectError(error));
      },
    );
  });
  place.on("connection", (socket: Socket) => {
    const { session } = socket.data as { session?: Session };
    if (session === undefined) socket.disconnect(true);
    else if (isServing) {
      socket.on("disconnect", () => taken.delete(socket.conn));
      connections.add(socket.conn);
      beginSession(socket, linkOf(socket), session);
    }
  });
  return async () => {
    isServing = false;
    await connections.gone(GOODBYE_MS);
    place.disconnectSockets(true);
  };
}

function beginSession(socket: Socket, link: SocketLink, session: Session): void {
  const events = session(link);
  socket.onAny((event: unknown, ...args: unknown[]) => {
    if (!link.isOpen) return;
    // Whatever else a client can put here ends as a message that cannot be read.
    const bytes = event === PROTOCOL.event ? toBytes(args[0]) : UNKNOWN_MESSAGE;
    events.message(bytes ?? UNREADABLE_MESSAGE);
  });
  socket.on("disconnect", () => events.closed());
  link.onMessage((bytes) => {
    if (link.isOpen) events.message(bytes);
  });
  link.onDrained(() => events.drained());
}

const UNKNOWN_MESSAGE = Uint8Array.of(0);
const UNREADABLE_MESSAGE = new Uint8Array();

function toBytes(payload: unknown): Uint8Array | undefined {
  if (payload instanceof Uint8Array) return payload;
  return payload instanceof ArrayBuffer ? new Uint8Array(payload) : undefined;
}

function connectError(error: unknown): Error {
  const refusal =
    error instanceof SyncError
      ? error
      : new SyncError("unavailable", "the server failed on this connection", { cause: error });
  // socket.io sends a middleware's error to the client as its message and its `data`.
  return Object.assign(new Error(refusal.message), { data: refusal.toData() });
}

/** What engine.io holds until its transport takes it. */
interface EnginePacket {
  readonly data?: unknown;
  readonly options?: { readonly wsPreEncodedFrame?: readonly Uint8Array[] };
}

/** The parts of engine.io's connection, and of its transport, that are used here. */
interface Engine {
  readonly readyState: string;
  readonly writeBuffer: readonly EnginePacket[];
  readonly pingTimeoutTimer: unknown;
  readonly hasRefreshedPingTimeout: boolean;
}

interface EngineTransport {
  readonly name: string;
  /** How long polling waits for the request that it answers with its end, in milliseconds. */
  closeTimeout?: number;
  readonly socket?: { readonly bufferedAmount?: number; readonly readyState?: number };
  on(event: "ready", listener: () => void): EngineTransport;
  off(event: "ready", listener: () => void): unknown;
}

function engineOf(connection: Socket["conn"]): Engine {
  return connection as unknown as Engine;
}

/**
 * engine.io queues what its transport cannot take yet in `writeBuffer`, where the WebSocket's own
 * count (`bufferedAmount`) does not see it.
 */
function waitingBytesOf(connection: Socket["conn"]): number {
  const transport = connection.transport as EngineTransport;
  let bytes = transport.socket?.bufferedAmount ?? 0;
  for (const { data, options } of engineOf(connection).writeBuffer) {
    if (typeof data === "string" || data instanceof Uint8Array) bytes += data.length;
    for (const frame of options?.wsPreEncodedFrame ?? []) bytes += frame.length;
  }
  return bytes;
}

/** A link in any socket.io server, whatever its parser and options are. */
class SocketLink implements Link {
  protected readonly socket: Socket;
  #isOpen = true;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on("disconnect", () => (this.#isOpen = false));
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  get waitingBytes(): number {
    return waitingBytesOf(this.socket.conn);
  }

  get incomingBytesMax(): number {
    const { opts } = this.socket.nsp.server.engine as { opts: { maxHttpBufferSize: number } };
    return Math.floor((opts.maxHttpBufferSize - ENVELOPE_BYTES) * BASE64_SHARE);
  }

  send(head: Uint8Array, body?: Uint8Array): void {
    if (this.#isOpen) this.sendNow(head, body);
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    const { conn } = this.socket;
    this.transport.closeTimeout = GOODBYE_MS; // by default half a minute, which nothing cuts short
    this.socket.disconnect(true); // after what waits, which a stuck client never takes
    setTimeout(() => conn.close(true), GOODBYE_MS).unref();
  }

  onDrained(listener: () => void): void {
    const { conn } = this.socket;
    const watched: EngineTransport[] = [];
    const watch = (transport: unknown): void => {
      watched.push((transport as EngineTransport).on("ready", listener));
    };
    watch(conn.transport);
    conn.on("upgrade", watch);
    // The connection may outlive it, in an application's own server, and have another one.
    this.socket.on("disconnect", () => {
      conn.off("upgrade", watch);
      for (const transport of watched) transport.off("ready", listener);
    });
  }

  /** Calls `listener` with what does not come as an event of socket.io. */
  onMessage(_listener: (bytes: Uint8Array) => void): void {
    // All does.
  }

  protected get transport(): EngineTransport {
    return this.socket.conn.transport;
  }

  protected sendNow(head: Uint8Array, body: Uint8Array | undefined): void {
    this.socket.emit(PROTOCOL.event, body === undefined ? head : Buffer.concat([head, body]));
  }
}

const NO_DATA = "";
// What a client may say in text: that it leaves the namespace (1), and events (2, 5). A further hello, or an
// acknowledgement that nobody has asked for, socket.io would take or pass over as often as they come.
const EXPECTED = /^[125]/;
// The WebSocket's own OPEN.
const OPEN = 1;

/**
 * A link in a server of our own, where nothing is compressed and the parser is ours: a message is
 * its WebSocket frame, made at once and mostly in one piece. Frames come from the WebSocket and go to
 * it past the queues and events of engine.io and socket.io: that takes 0.87 times the CPU, for 2,000
 * messages in and 2,000 out a second. Whatever is not as usual goes the ordinary way: polling, the
 * move from there to a WebSocket, what must wait for something that waits already, attachments.
 */
class FrameLink extends SocketLink {
  readonly #messageBytesMax: number;
  readonly #filter = new MessageFilter();
  #sendFrame: SendFrame | undefined;
  #giveBack: (() => void) | undefined;
  #onMessage: (bytes: Uint8Array) => void = () => undefined;
  #onDrained: () => void = () => undefined;

  constructor(socket: Socket, { messageBytesMax }: ServerLimits) {
    super(socket);
    this.#messageBytesMax = messageBytesMax;
    this.#meetWebSocket();
    socket.conn.on("upgrade", () => this.#meetWebSocket());
    socket.conn.on("data", (chunk: unknown) => {
      if (this.#filter.isMessage(chunk)) this.#onMessage(toBytes(chunk) ?? UNREADABLE_MESSAGE);
      else if (typeof chunk === "string" && !EXPECTED.test(chunk)) this.#onMessage(UNKNOWN_MESSAGE);
    });
    socket.on("disconnect", () => this.#giveBack?.());
  }

  override onMessage(listener: (bytes: Uint8Array) => void): void {
    this.#onMessage = listener;
  }

  override onDrained(listener: () => void): void {
    super.onDrained(listener);
    this.#onDrained = listener;
  }

  protected override sendNow(head: Uint8Array, body: Uint8Array | undefined): void {
    if (this.#sendFrame === undefined || this.transport.socket?.readyState !== OPEN) {
      super.sendNow(head, body);
      return;
    }
    const frame = webSocketFrame(head, body);
    const { readyState, writeBuffer } = engineOf(this.socket.conn);
    if (readyState === "open" && writeBuffer.length === 0) {
      this.#sendFrame(frame);
      return;
    }
    // As socket.io's own adapter sends to a room: engine.io takes a frame that is made already.
    const options = { compress: false, wsPreEncodedFrame: frame };
    this.socket.conn.write(NO_DATA, options);
  }

  #meetWebSocket(): void {
    const { name, socket } = this.transport;
    if (name !== "websocket" || socket === undefined) return;
    this.#sendFrame = frameSender(socket, () => this.#onDrained());
    onTooLarge(socket, () => {
      const error = tooLarge(this.#messageBytesMax).toData();
      this.send(encodeGoodbye({ error, reconnect: false }));
    });
    this.#giveBack = takeMessages(socket, (message) => {
      const isTaken = this.isOpen && this.#filter.isAtMessage && isIndifferent(this.socket.conn);
      if (isTaken) this.#onMessage(message);
      return isTaken;
    });
  }
}

/** Whether a message changes nothing in engine.io: one that comes instead of a pong prolongs its wait. */
function isIndifferent(connection: Socket["conn"]): boolean {
  const { readyState, pingTimeoutTimer, hasRefreshedPingTimeout } = engineOf(connection);
  return readyState === "open" && (pingTimeoutTimer === null || hasRefreshedPingTimeout);
}
