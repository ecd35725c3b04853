import { MessageFilter } from "../lib/socket-parser.ts";

/** Of an engine.io client and its transport, what is used here besides what its types have. */
interface Engine {
  readonly readyState: string;
  readonly writeBuffer: readonly unknown[];
  readonly transport: { readonly name: string; readonly ws?: WebSocketLike | null };
}

/** A browser's WebSocket, or that of ws. */
interface WebSocketLike {
  readonly readyState: number;
  onmessage: ((event: { readonly data: unknown }) => void) | null;
  send(message: Uint8Array): void;
}

interface EngineSocket {
  write(message: Uint8Array): unknown;
}

/** What engine.io puts before a text of socket.io. Bytes it sends as they are. */
const TEXT_MESSAGE = "4";
// The WebSocket's own OPEN.
const OPEN = 1;

/**
 * Sends a message of ours by the WebSocket itself, where there is one. engine.io would put it into a
 * queue and tell so, then send it just so, and wake up once more to empty the queue. What it has in
 * its queue leaves first. With `receiveDirectly`, a client that writes 20 times and hears 20 messages
 * of 100 changes a second takes 0.85 times the CPU.
 */
export function sendDirectly(socket: EngineSocket, message: Uint8Array): void {
  const { readyState, writeBuffer, transport } = socket as unknown as Engine;
  const isNext = readyState === "open" && writeBuffer.length === 0;
  const webSocket = transport.name === "websocket" ? transport.ws : undefined;
  if (isNext && webSocket?.readyState === OPEN) webSocket.send(message);
  else socket.write(message);
}

/**
 * To be called when a message of ours has come: if it was by a WebSocket, `take` gets those that
 * follow from there, and engine.io all else. It would tell of each in five events.
 */
export function receiveDirectly(socket: EngineSocket, take: (message: unknown) => void): void {
  const engine = socket as unknown as Engine;
  const webSocket = engine.transport.name === "websocket" ? engine.transport.ws : undefined;
  const ordinary = webSocket?.onmessage;
  if (!webSocket || !ordinary) return;
  const filter = new MessageFilter();
  webSocket.onmessage = (event) => {
    const { data } = event;
    if (isMessage(data, filter) && engine.readyState === "open") take(data);
    else ordinary.call(webSocket, event);
  };
}

function isMessage(data: unknown, filter: MessageFilter): boolean {
  if (typeof data !== "string") return filter.isMessage(data);
  // To engine.io's own packets, as its pings, the filter does not listen: one may come between a text
  // and the bytes which that has announced.
  if (data.startsWith(TEXT_MESSAGE)) filter.isMessage(data.slice(TEXT_MESSAGE.length));
  return false;
}
