import type { SeededRandom } from "../../simulation/random.ts";
import { PATIENCE_MS, type Attack } from "../attack.ts";
import {
  largeBody,
  signedIn,
  someBridgeRequest,
  someHeard,
  someItem,
  type BridgeRequest,
} from "../bridge-request.ts";
import { RESOURCES, SERVICE } from "../victim-world.ts";
import type { Wire } from "../wire.ts";
import type { AttackKind } from "./kind.ts";

/*
 * The bridges' HTTP resources: JSON that is anything, bodies that never come or are too large, and more
 * questions at once than anybody has.
 */

const ANSWER = "HTTP/1.1 ";

interface Framing {
  /** How it is told how long the body is. */
  readonly kind: "length" | "chunks" | "none" | "too long" | "too short";
}

function textOf(request: BridgeRequest, { kind }: Framing): Buffer {
  const { method, target, headers, body = Buffer.alloc(0) } = request;
  const length = { "too long": body.length + 10, "too short": body.length >> 1 };
  const said = kind === "too long" || kind === "too short" ? length[kind] : body.length;
  const framing =
    kind === "none"
      ? []
      : kind === "chunks"
        ? ["Transfer-Encoding: chunked"]
        : [`Content-Length: ${said}`];
  const head = [`${method} ${target} HTTP/1.1`, "Host: victim", ...headers, ...framing];
  const start = Buffer.from(`${head.join("\r\n")}\r\n\r\n`, "latin1");
  return Buffer.concat([start, kind === "chunks" ? chunked(body) : body]);
}

function chunked(body: Buffer): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at < body.length; at += 1_000) {
    const part = body.subarray(at, at + 1_000);
    parts.push(Buffer.from(`${part.length.toString(16)}\r\n`), part, Buffer.from("\r\n"));
  }
  return Buffer.concat([...parts, Buffer.from("0\r\n\r\n")]);
}

function someFraming(random: SeededRandom): Framing {
  const isOdd = random.chance(0.1);
  return { kind: isOdd ? random.pick(["chunks", "none", "too long", "too short"]) : "length" };
}

/** Waits for one more answer than there were; not for the end of it. */
async function answered(wire: Wire, before: number): Promise<boolean> {
  const count = (): number => wire.heard.toString("latin1").split(ANSWER).length - 1;
  for (let waited = 0; waited < PATIENCE_MS && count() <= before; waited += 50) {
    if (await wire.isEnded(50)) return false;
  }
  return count() > before;
}

/** Several on one connection, which go on from what was answered. */
async function bridges(attack: Attack): Promise<void> {
  const { random } = attack;
  const wire = attack.wire();
  for (let [at, count] = [0, random.pick([1, 3, 10])]; at < count && !attack.isOver; at++) {
    const request = someBridgeRequest(attack, someHeard(wire.heard));
    if (!(await wire.send(textOf(request, someFraming(random))))) return;
    if (random.chance(0.7) && !(await answered(wire, at))) return;
  }
  await wire.isEnded(random.pick([0, 50]));
}

/** As large as may be, or larger. */
async function largeBodies(attack: Attack): Promise<void> {
  const { random, user } = attack;
  for (let left = random.pick([1, 1, 3]); left > 0 && !attack.isOver; left--) {
    const wire = attack.wire();
    const target = random.pick([
      ...Object.keys(RESOURCES),
      `${SERVICE}/d/eves/update/`,
      `${SERVICE}/d/eves-small/update/`,
      `${SERVICE}/a/`,
    ]);
    const headers = target.startsWith(SERVICE)
      ? signedIn(attack)
      : [`Authorization: Bearer ${attack.token}`];
    const body = largeBody(random, user);
    const request = {
      method: "POST",
      target,
      headers: [...headers, "Content-Type: application/json"],
      body,
    };
    await wire.send(textOf(request, someFraming(random)));
    await answered(wire, 0);
  }
}

/** All there is, again and again, on one connection or some; perhaps nothing of it is read. */
async function gatherers(attack: Attack): Promise<void> {
  const { random, token } = attack;
  const isReading = random.chance(0.5);
  const target = random.pick([
    "/trees",
    "/trees?since=1",
    "/notes",
    "/open",
    "/vault",
    `${SERVICE}/d/eves/clone`,
  ]);
  const headers = target.startsWith(SERVICE)
    ? signedIn(attack)
    : random.pick([[], [`Authorization: Bearer ${token}`]]);
  const body = Buffer.from(JSON.stringify([someItem(attack)]));
  const asking = textOf({ method: "GET", target, headers, body: undefined }, { kind: "none" });
  const post = {
    method: "POST",
    target,
    headers: [...headers, "Content-Type: application/json"],
    body,
  };
  const all = Array.from({ length: random.pick([2, 10, 60]) }, () =>
    random.chance(0.1) ? textOf(post, { kind: "length" }) : asking,
  );
  const wires = Array.from({ length: random.pick([1, 1, 4]) }, () => attack.wire());
  for (const wire of wires) {
    if (!isReading) wire.stopReading();
    await wire.send(Buffer.concat(all));
  }
  await wires[0]?.isEnded(random.pick([100, 1_000]));
}

/** A body that comes a few bytes at a time, or not to its end. */
async function slowBodies(attack: Attack): Promise<void> {
  const { random } = attack;
  const wire = attack.wire();
  const request = someBridgeRequest(attack, { stamp: "0", revision: "1" });
  const bytes = textOf(request, { kind: random.pick(["length", "too long", "chunks"]) });
  const end = random.chance(0.5) ? bytes.length : random.below(bytes.length);
  for (let at = 0; at < end && !attack.isOver;) {
    const size = 1 + random.below(100);
    if (!(await wire.send(bytes.subarray(at, Math.min(end, at + size))))) return;
    await attack.pause(random.below(10));
    at += size;
  }
  if (random.chance(0.5)) wire.end();
  await wire.isEnded(random.pick([0, 100, 1_300]));
}

export const BRIDGE_ATTACKS: readonly AttackKind[] = [
  { name: "bridges", weight: 20, run: bridges },
  { name: "large bodies", weight: 4, isHeavy: true, run: largeBodies },
  { name: "gatherers", weight: 3, isHeavy: true, run: gatherers },
  { name: "slow bodies", weight: 3, run: slowBodies },
];
