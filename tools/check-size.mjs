/**
 * The client, as a page loads it, may weigh this much on top of the socket.io-client in it; and this
 * much what it can keep its data in, and what explicit sync and conflicts take.
 */
import { gzipSync } from "node:zlib";
import { bundleInMemory, clientScript, offlineScript, storageScript } from "./bundle.mjs";

const budgetBytes = 19.3 * 1024;
const storageBudgetBytes = 9 * 1024;
const offlineBudgetBytes = 8 * 1024;
const socketScript = `import { io } from "socket.io-client"; globalThis.io = io;`;

// socket.io-client as anybody would bundle it; ours as it is served.
const [client, socket, storage, offline] = await Promise.all([
  gzippedBytes(bundleInMemory(clientScript)),
  gzippedBytes(bundleInMemory(socketScript, [])),
  gzippedBytes(bundleInMemory(storageScript)),
  gzippedBytes(bundleInMemory(offlineScript)),
]);
const ours = client - socket;

console.log(
  `client ${client} B gzip = socket.io-client ${socket} B + ${ours} B (at most ${budgetBytes} B)`,
);
console.log(`storages ${storage} B gzip (at most ${storageBudgetBytes} B)`);
console.log(`explicit sync and conflicts ${offline} B gzip (at most ${offlineBudgetBytes} B)`);
const isOver = storage > storageBudgetBytes || offline > offlineBudgetBytes;
if (ours > budgetBytes || isOver) process.exitCode = 1;

/** @param {Promise<Buffer>} bundling */
async function gzippedBytes(bundling) {
  return gzipSync(await bundling, { level: 9 }).length;
}
