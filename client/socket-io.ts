import { Manager } from "socket.io-client";
import { Decoder, Encoder } from "socket.io-parser";
import { SyncError } from "../lib/errors.ts";
import type { Connect } from "../lib/link.ts";
import { toErrorData } from "../lib/outcome.ts";
import { PROTOCOL } from "../lib/protocol.ts";
import { messageDecoder } from "../lib/socket-parser.ts";
import type { Transport } from "./options.ts";
import { receiveDirectly, sendDirectly } from "./web-socket-bypass.ts";

export interface SocketIoOptions {
  readonly path: string;
  readonly namespace: string;
  readonly transports: readonly Transport[];
}

/** Links over socket.io, each on a connection of its own. Coming back is not socket.io's business. */
export function connectSocketIo(url: string, options: SocketIoOptions): Connect {
  return (hello, events) => {
    const { path, namespace } = options;
    // A server that sends our own format also reads it. Until then socket.io's own is understood.
    let isBinary = false;
    const manager = new Manager(url, {
      path,
      transports: [...options.transports],
      tryAllTransports: true,
      reconnection: false,
      autoConnect: false,
      parser: {
        Encoder,
        Decoder: messageDecoder(Decoder, (message) => {
          isBinary = true;
          receiveDirectly(manager.engine, (next) => events.message(toBytes(next)));
          events.message(toBytes(message));
        }),
      },
    });
    const socket = manager.socket(namespace, { auth: { ...hello } });

    let isOver = false;
    const end = (error?: SyncError, reconnect?: boolean): void => {
      // Messages that came before are handed over in microtasks of their own.
      queueMicrotask(() => {
        if (isOver) return;
        close();
        events.closed(error, reconnect);
      });
    };
    const close = (): void => {
      isOver = true;
      socket.off();
      socket.disconnect();
    };

    socket.on("connect", () => events.opened());
    socket.on(PROTOCOL.event, (payload: unknown) => events.message(toBytes(payload)));
    socket.on("disconnect", () => end());
    socket.on("connect_error", (problem) => {
      const { data, message } = problem as Error & { data?: { reconnect?: unknown } | null };
      if (data) end(SyncError.from(toErrorData(data)), toSwitch(data.reconnect));
      else
        end(
          new SyncError("unavailable", `no connection to ${url}: ${message}`, { cause: problem }),
        );
    });
    socket.connect();

    return {
      send: (message) => {
        if (isBinary) sendDirectly(manager.engine, message);
        else socket.emit(PROTOCOL.event, message);
      },
      close,
    };
  };
}

/** Whatever the transport made of the bytes. What are no bytes becomes a message that is malformed. */
function toBytes(payload: unknown): Uint8Array {
  if (payload instanceof ArrayBuffer) return new Uint8Array(payload);
  if (!ArrayBuffer.isView(payload)) return new Uint8Array();
  return new Uint8Array(payload.buffer, payload.byteOffset, payload.byteLength);
}

function toSwitch(value: unknown): boolean | undefined {
  return typeof value === "boolean" ? value : undefined;
}
