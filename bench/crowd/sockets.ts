import { subscribe } from "node:diagnostics_channel";
import type { Socket } from "node:net";

/** Every TCP connection that this process has opened and not lost, whoever opened it. */
const open = new Set<Socket>();
let bytesOfClosed = 0;

subscribe("net.client.socket", (message) => {
  const { socket } = message as { socket: Socket };
  open.add(socket);
  socket.once("close", () => {
    open.delete(socket);
    bytesOfClosed += socket.bytesRead;
  });
});

/** Since the process started: what was in TCP's payload, WebSocket headers and handshakes included. */
export function bytesReceived(): number {
  let bytes = bytesOfClosed;
  for (const socket of open) bytes += socket.bytesRead;
  return bytes;
}

/** From now on nothing is read from the newest connection. */
export function stallNewest(): void {
  [...open].at(-1)?.pause();
}
