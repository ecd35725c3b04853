import { EventEmitter } from "node:events";

/** Of ws's Receiver, what is used here: whether it may go on with what it has right after an event. */
interface Receiver extends EventEmitter {
  readonly _allowSynchronousEvents: boolean;
}

/**
 * What ws tells of one connection in a turn of the loop, at most. It reads 64 KiB at a time, in which there
 * is room for 10,000 pings, and each is answered with a write of its own: that took 80 ms, and 300 ms once
 * the other side was gone, so that every write failed.
 */
const EVENTS_PER_TURN = 20;
const EVENTS = ["message", "ping", "pong"] as const;

type UpgradeArguments = [
  request: unknown,
  socket: unknown,
  head: unknown,
  done: (webSocket: object, ...rest: unknown[]) => void,
];

/** Of ws's server, behind engine.io. */
interface WebSocketServer {
  handleUpgrade: (...of: UpgradeArguments) => void;
}

/**
 * Has each WebSocket that comes to engine.io leave the loop to others after so many messages, pings and
 * pongs; from its beginning, as whoever has a connection may ping.
 */
export function spreadOverTurns(engine: object): void {
  const known = engine as { ws?: WebSocketServer };
  let ws = spreading(known.ws);
  // engine.io makes another one whenever its HTTP server begins to listen.
  Object.defineProperty(known, "ws", {
    get: () => ws,
    set: (next: WebSocketServer | undefined) => (ws = spreading(next)),
  });
}

/** Another ws than is known here is left as it is. */
function spreading(ws: WebSocketServer | undefined): WebSocketServer | undefined {
  if (typeof ws?.handleUpgrade !== "function") return ws;
  const handleUpgrade = ws.handleUpgrade.bind(ws);
  ws.handleUpgrade = (request, socket, head, done) => {
    handleUpgrade(request, socket, head, (webSocket, ...rest) => {
      spread(webSocket);
      done(webSocket, ...rest);
    });
  };
  return ws;
}

/** Exported for its test. */
export function spread(webSocket: object): void {
  const { _receiver: receiver } = webSocket as { readonly _receiver?: unknown };
  if (!isKnown(receiver)) return;
  let heard = 0;
  for (const event of EVENTS) receiver.on(event, () => (heard += 1));
  // ws asks before each event. One that it may not tell at once it tells in the next turn, and waits until then.
  Object.defineProperty(receiver, "_allowSynchronousEvents", {
    get: () => (heard + 1) % EVENTS_PER_TURN !== 0,
  });
}

/** Another ws, or one that waits after each event, is left as it is. */
function isKnown(receiver: unknown): receiver is Receiver {
  if (!(receiver instanceof EventEmitter)) return false;
  const { _allowSynchronousEvents: isInOneTurn } = receiver as Partial<Receiver>;
  return isInOneTurn === true;
}
