/** The client, as a page loads it, may weigh this much on top of the socket.io-client in it. */
import { gzipSync } from "node:zlib";
import { bundleInMemory, clientScript } from "./bundle.mjs";

const budgetBytes = 12_000;
const socketScript = `import { io } from "socket.io-client"; globalThis.io = io;`;

const [client, socket] = await Promise.all([clientScript, socketScript].map(gzippedBytes));
const ours = (client ?? 0) - (socket ?? 0);

console.log(
  `client ${client} B gzip = socket.io-client ${socket} B + ${ours} B (at most ${budgetBytes} B)`,
);
if (ours > budgetBytes) process.exitCode = 1;

/** @param {string} source */
async function gzippedBytes(source) {
  return gzipSync(await bundleInMemory(source), { level: 9 }).length;
}
