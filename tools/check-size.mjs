/** The client, as a page loads it, may weigh this much on top of the socket.io-client in it. */
import { gzipSync } from "node:zlib";
import { bundleInMemory, clientScript } from "./bundle.mjs";

const budgetBytes = 12 * 1024;
const socketScript = `import { io } from "socket.io-client"; globalThis.io = io;`;

// socket.io-client as anybody would bundle it; ours as it is served.
const [client, socket] = await Promise.all([
  gzippedBytes(bundleInMemory(clientScript)),
  gzippedBytes(bundleInMemory(socketScript, [])),
]);
const ours = client - socket;

console.log(
  `client ${client} B gzip = socket.io-client ${socket} B + ${ours} B (at most ${budgetBytes} B)`,
);
if (ours > budgetBytes) process.exitCode = 1;

/** @param {Promise<Buffer>} bundling */
async function gzippedBytes(bundling) {
  return gzipSync(await bundling, { level: 9 }).length;
}
