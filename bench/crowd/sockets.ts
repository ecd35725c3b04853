import { subscribe } from "node:diagnostics_channel";
import type { Socket } from "node:net";

/** Every TCP connection that this process has opened and not lost, whoever opened it. */
const open = new Set<Socket>();
let bytesOfClosed = 0;
let sentByClosed = 0;

subscribe("net.client.socket", (message) => {
  const { socket } = message as { socket: Socket };
  open.add(socket);
  socket.once("close", () => {
    open.delete(socket);
    bytesOfClosed += socket.bytesRead;
    sentByClosed += socket.bytesWritten;
  });
});

/** Since the process started: what was in TCP's payload, WebSocket headers and handshakes included. */
export function bytesReceived(): number {
  let bytes = bytesOfClosed;
  for (const socket of open) bytes += socket.bytesRead;
  return bytes;
}

/** The same in the other direction. */
export function bytesSent(): number {
  let bytes = sentByClosed;
  for (const socket of open) bytes += socket.bytesWritten;
  return bytes;
}

/** A WebSocket's frame, unasked for, as any client may send it (RFC 6455, 5.5.3); masked with zeros. */
const PONG = Buffer.from([0x8a, 0x80, 0, 0, 0, 0]);

/**
 * From now on what comes over any connection is received, and nobody looks at it: of clients that only
 * write, so that a crowd costs less than what it hears. Those who hear nothing say that they are there.
 */
export function turnDeaf(): void {
  for (const socket of open) {
    socket.removeAllListeners("data");
    socket.on("data", () => undefined);
    const timer = setInterval(() => socket.write(PONG), 1_000);
    socket.once("close", () => clearInterval(timer));
  }
}

/** From now on nothing is read from the newest connection. */
export function stallNewest(): void {
  [...open].at(-1)?.pause();
}
