import { PROTOCOL } from "../../../lib/protocol.ts";
import type { SeededRandom } from "../../simulation/random.ts";
import type { Attack } from "../attack.ts";
import { mutated } from "../mutate.ts";
import { bytesOf } from "../web-socket.ts";
import type { AttackKind } from "./kind.ts";

/*
 * HTTP: whatever a browser or a scanner asks for, and what neither would.
 */

const { defaultPath } = PROTOCOL;
const METHODS = [
  "GET",
  "HEAD",
  "POST",
  "PUT",
  "DELETE",
  "OPTIONS",
  "PATCH",
  "TRACE",
  "PROPFIND",
  "QUERY",
];
const PATHS = [
  "/",
  "*",
  "//",
  "/%00",
  "/%",
  "/..%2f..%2fetc/passwd",
  "http://victim/",
  defaultPath,
  `${defaultPath}/`,
  `${defaultPath}/client.js`,
  `${defaultPath}/client.mjs?x`,
  `${defaultPath}/client.js.map`,
  `${defaultPath}/storage.js`,
  `${defaultPath}/../client.js`,
  `${defaultPath}/client.js/`,
  `${defaultPath}/__proto__`,
  `${defaultPath}/?EIO=4`,
  `${defaultPath}/?EIO=4&transport=polling&EIO=4&transport=websocket`,
  `${defaultPath}/?transport[]=polling&EIO[a]=4`,
  `${defaultPath}/?${"a=1&".repeat(2_000)}`,
  "/socket.io/?EIO=4&transport=polling",
];
const ORIGINS = [
  "null",
  "http://victim",
  "http://localhost",
  "https://victim:443",
  "http://victim.evil.example",
  "http://evil.example",
  "file://",
  "x",
  "",
  "http://victim, http://evil.example",
  `http://${"o".repeat(5_000)}`,
];

function someHeader(random: SeededRandom): string {
  return random.pick([
    `Origin: ${random.pick(ORIGINS)}`,
    `Host: ${random.pick(["evil", "", "victim:99999", "[::1]"])}`,
    `If-None-Match: ${random.pick(["*", '"x"', "W/"])}`,
    `Access-Control-Request-Method: ${random.pick(METHODS)}`,
    "Access-Control-Request-Headers: x-evil, authorization",
    `Content-Type: ${random.pick(["application/json", "application/octet-stream", "x"])}`,
    "Expect: 100-continue",
    "Transfer-Encoding: chunked",
    "Transfer-Encoding: identity, chunked",
    `Cookie: ${"c=1; ".repeat(random.pick([1, 500]))}`,
    `Authorization: Bearer ${"t".repeat(random.pick([1, 3_000]))}`,
    "Range: bytes=0-,1-,2-,3-",
    "Connection: Upgrade, close",
    `Upgrade: ${random.pick(["websocket", "h2c", "x"])}`,
    "__proto__: x",
    "constructor: x",
    `X-Forwarded-For: ${random.pick(["127.0.0.1", "x, y", "::1"])}`,
    `X: ${bytesOf(random, 20)
      .toString("latin1")
      .replace(/[\r\n]/g, " ")}`,
  ]);
}

function someRequest(random: SeededRandom): Buffer {
  const headers = Array.from({ length: random.below(6) }, () => someHeader(random));
  const body = random.chance(0.3) ? bytesOf(random, random.pick([1, 100, 3_000])) : Buffer.alloc(0);
  const length = random.chance(0.8) ? [`Content-Length: ${body.length}`] : [];
  const lines = [
    `${random.pick(METHODS)} ${random.pick(PATHS)} HTTP/${random.chance(0.9) ? "1.1" : "1.0"}`,
    "Host: victim",
    ...length,
    ...headers,
  ];
  return Buffer.concat([Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1"), body]);
}

/** Several on one connection, some of them damaged. */
async function requests(attack: Attack): Promise<void> {
  const { random } = attack;
  const wire = attack.wire();
  for (let left = random.pick([1, 1, 3, 20]); left > 0; left--) {
    const request = someRequest(random);
    const bytes = random.chance(0.2) ? mutated(random, request, request) : request;
    if (!(await wire.send(bytes))) break;
    if (random.chance(0.3)) await attack.pause(random.below(20));
  }
  await wire.isEnded(random.pick([0, 50]));
  for (const [, sid = ""] of wire.heard.toString("latin1").matchAll(/"sid":"([^"]+)"/g))
    attack.leaves(sid);
}

/** Headers that come a few bytes at a time. */
async function slowHeaders(attack: Attack): Promise<void> {
  const { random } = attack;
  const wire = attack.wire();
  const request = someRequest(random);
  for (let at = 0; at < request.length && !attack.isOver;) {
    const size = 1 + random.below(40);
    if (!(await wire.send(request.subarray(at, at + size)))) break;
    await attack.pause(random.below(8));
    at += size;
    if (random.chance(0.03)) return;
  }
  await wire.isEnded(20);
}

/** Connections that are opened, and nothing more. */
async function strangers(attack: Attack): Promise<void> {
  const { random } = attack;
  const wires = Array.from({ length: random.pick([1, 10, 40]) }, () => attack.wire());
  await attack.pause(random.below(50));
  for (const wire of wires) {
    if (random.chance(0.5)) await wire.send(bytesOf(random, random.below(50)));
    if (random.chance(0.5)) wire.close();
  }
}

export const HTTP_ATTACKS: readonly AttackKind[] = [
  { name: "requests", weight: 12, run: requests },
  { name: "slow headers", weight: 3, run: slowHeaders },
  { name: "strangers", weight: 2, run: strangers },
];
