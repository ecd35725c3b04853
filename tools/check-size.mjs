/**
 * The client, as a page loads it, may weigh this much on top of the socket.io-client in it; and what
 * it can keep its data in, this much.
 */
import { gzipSync } from "node:zlib";
import { bundleInMemory, clientScript, storageScript } from "./bundle.mjs";

const budgetBytes = 15.5 * 1024;
const storageBudgetBytes = 8 * 1024;
const socketScript = `import { io } from "socket.io-client"; globalThis.io = io;`;

// socket.io-client as anybody would bundle it; ours as it is served.
const [client, socket, storage] = await Promise.all([
  gzippedBytes(bundleInMemory(clientScript)),
  gzippedBytes(bundleInMemory(socketScript, [])),
  gzippedBytes(bundleInMemory(storageScript)),
]);
const ours = client - socket;

console.log(
  `client ${client} B gzip = socket.io-client ${socket} B + ${ours} B (at most ${budgetBytes} B)`,
);
console.log(`storages ${storage} B gzip (at most ${storageBudgetBytes} B)`);
if (ours > budgetBytes || storage > storageBudgetBytes) process.exitCode = 1;

/** @param {Promise<Buffer>} bundling */
async function gzippedBytes(bundling) {
  return gzipSync(await bundling, { level: 9 }).length;
}
