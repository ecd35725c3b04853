import { setTimeout as pause } from "node:timers/promises";
import { PROTOCOL } from "../../../lib/protocol.ts";
import { PATIENCE_MS, type Attack } from "../attack.ts";
import { Conversation, someHello } from "../conversation.ts";
import { mutated, mutatedText } from "../mutate.ts";
import { bytesOf, OPCODE, Speaker } from "../web-socket.ts";
import type { AttackKind } from "./kind.ts";

/*
 * engine.io: sessions by polling, the move from there to a WebSocket, and what can go wrong with both.
 */

const NS = PROTOCOL.defaultNamespace;
/** A poll has no answer until there is something to tell. */
const ANSWER_MS = 100;
/** What engine.io puts between packets. */
const SEPARATOR = "\x1e";
const PACKETS = [
  "0",
  "1",
  "2",
  "2probe",
  "3",
  "3probe",
  "4",
  "40",
  "5",
  "6",
  "7",
  "b",
  "b!!!",
  "b////",
];

class Poller {
  readonly #attack: Attack;
  readonly sid: string;

  private constructor(attack: Attack, sid: string) {
    this.#attack = attack;
    this.sid = sid;
  }

  static async open(attack: Attack): Promise<Poller | undefined> {
    const wire = attack.wire();
    await wire.send(requestOf("GET", ""));
    await wire.hears(["maxPayload", '\r\n\r\n{"code'], PATIENCE_MS);
    const sid = /"sid":"([^"]+)"/.exec(wire.heard.toString("latin1"))?.[1];
    if (sid === undefined) return undefined;
    attack.leaves(sid);
    return new Poller(attack, sid);
  }

  /** One with a session of ours. */
  static async admitted(attack: Attack): Promise<Poller | undefined> {
    const poller = await Poller.open(attack);
    await poller?.post(`40${NS},${JSON.stringify(someHello(attack))}`);
    return poller;
  }

  /** Hangs up when there is no answer in time. */
  poll(patienceMs = ANSWER_MS): Promise<void> {
    return this.#ask(requestOf("GET", `&sid=${this.sid}`), patienceMs);
  }

  post(body: string, patienceMs = ANSWER_MS): Promise<void> {
    return this.#ask(requestOf("POST", `&sid=${this.sid}`, body), patienceMs);
  }

  async #ask(request: string, patienceMs: number): Promise<void> {
    const wire = this.#attack.wire();
    await wire.send(request);
    await wire.isEnded(patienceMs);
    wire.close();
  }
}

function requestOf(method: string, query: string, body = ""): string {
  return (
    `${method} ${PROTOCOL.defaultPath}/?EIO=4&transport=polling${query} HTTP/1.1\r\n` +
    "Host: victim\r\nConnection: close\r\nContent-Type: text/plain;charset=UTF-8\r\n" +
    `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
  );
}

/** A session that says all kinds of packets, and messages of ours as base64 among them. */
async function packets(attack: Attack): Promise<void> {
  const { random, user } = attack;
  const poller = random.chance(0.7) ? await Poller.admitted(attack) : await Poller.open(attack);
  if (poller === undefined) return;
  const talk = new Conversation(random, user);
  for (let left = random.pick([1, 3, 10]); left > 0 && !attack.isOver; left--) {
    const count = random.pick([1, 1, 2, 10, 400]);
    const some = Array.from({ length: count }, () => {
      if (random.chance(0.3)) return random.pick(PACKETS);
      const message = talk.next();
      const bytes = random.chance(0.2) ? mutated(random, message, message) : Buffer.from(message);
      return `b${bytes.toString("base64")}`;
    });
    const body = some.join(random.chance(0.95) ? SEPARATOR : "");
    await poller.post(random.chance(0.9) ? body : mutatedText(random, body, body));
    if (random.chance(0.5)) await poller.poll();
  }
}

const MESSAGE_LENGTH = 1_000_000;

/** As much as one message may have, of what is small: packets, or values in a hello. */
async function crammed(attack: Attack): Promise<void> {
  const { random } = attack;
  const poller = random.chance(0.3) ? await Poller.admitted(attack) : await Poller.open(attack);
  if (poller === undefined) return;
  const [start, part] = random.pick<[string, string]>([
    ["", random.pick(PACKETS) + SEPARATOR],
    [`40${NS},{"a":[`, random.pick(["[", "{", "0,", "{},", '{"a":'])],
    [`40${NS},{`, '"a":0,'],
    [`42${NS},["a",`, "["],
  ]);
  await poller.post(start + part.repeat(Math.floor(MESSAGE_LENGTH / part.length)));
}

/** Polls that overlap, posts that overlap, and answers that nobody waits for. */
async function overlapping(attack: Attack): Promise<void> {
  const { random } = attack;
  const poller = await Poller.admitted(attack);
  if (poller === undefined) return;
  const bodies = Array.from({ length: 1 + random.below(5) }, () =>
    random.chance(0.5) ? undefined : random.pick(PACKETS).repeat(1 + random.below(3)),
  );
  const patienceMs = random.pick([0, 1, 100]);
  await Promise.all(
    bodies.map((body) =>
      body === undefined ? poller.poll(patienceMs) : poller.post(body, patienceMs),
    ),
  );
}

/** Bodies that are announced and come slowly, too short, too long, or never. */
async function slowBodies(attack: Attack): Promise<void> {
  const { random } = attack;
  const poller = await Poller.admitted(attack);
  if (poller === undefined) return;
  const length = random.pick(["10", "1000", "1048577", "99999999999", "-1", "x", "5, 6"]);
  const wire = attack.wire();
  const head = requestOf("POST", `&sid=${poller.sid}`).split("\r\nContent-Length")[0] ?? "";
  await wire.send(
    `${head}\r\n${random.chance(0.7) ? `Content-Length: ${length}` : "Transfer-Encoding: chunked"}\r\n\r\n`,
  );
  for (let left = random.below(8); left > 0 && !attack.isOver; left--) {
    if (!(await wire.send(random.pick(["4", "2", SEPARATOR, "1\r\n4\r\n", "zz\r\n", "0\r\n\r\n"]))))
      return;
    await pause(random.below(20));
  }
  if (random.chance(0.3)) await wire.send(bytesOf(random, 100).toString("hex").repeat(6_000));
}

/** A session that moves to a WebSocket, and does not get there: cut, twice, or without having asked. */
async function upgrades(attack: Attack): Promise<void> {
  const { random, user } = attack;
  const poller = await Poller.admitted(attack);
  if (poller === undefined) return;
  if (random.chance(0.5)) void poller.poll();
  const speaker = await Speaker.open(attack, `&sid=${poller.sid}`);
  if (speaker === undefined) return;
  const talk = new Conversation(random, user);
  const steps = random.pick([
    ["2probe"],
    ["2probe", "5"],
    ["5"],
    ["2probe", "2probe", "5", "5"],
    ["message", "2probe", "5", "message"],
    ["2probe", "message", "5"],
    ["2probe", "5", "message", "message", "2probe", "5"],
    ["2probe", "5", "second", "message"],
    ["3probe", "1", "5"],
  ]);
  for (const step of steps) {
    if (attack.isOver) return;
    if (step === "message") await speaker.message(talk.next());
    else if (step === "second") await Speaker.open(attack, `&sid=${poller.sid}`);
    else await speaker.text(step);
    if (random.chance(0.5)) await attack.pause(random.below(20));
    if (random.chance(0.2)) await poller.post("2");
    if (random.chance(0.1)) speaker.wire.close();
  }
  if (random.chance(0.3)) await speaker.frame({ opcode: OPCODE.close, payload: "" });
}

/** Sessions that nobody has, transports that nobody knows. */
async function inventedSessions(attack: Attack): Promise<void> {
  const { random } = attack;
  const sid = random.pick([
    "nobody",
    "__proto__",
    "constructor",
    "",
    "a".repeat(5_000),
    "%00",
    bytesOf(random, 15).toString("base64url"),
  ]);
  const transport = random.pick(["polling", "websocket", "webtransport", "__proto__", "flash", ""]);
  const request = requestOf(
    random.pick(["GET", "POST", "PUT", "OPTIONS", "HEAD", "DELETE"]),
    random.pick([`&sid=${sid}`, `&sid=${sid}&sid=x`, "&j=0", "&b64=1", `&t=${sid}`]),
    random.pick(["", "1", "40"]),
  ).replace("polling", transport);
  const wire = attack.wire();
  await wire.send(request);
  await wire.hears(["\r\n\r\n"], PATIENCE_MS);
  const given = /"sid":"([^"]+)"/.exec(wire.heard.toString("latin1"))?.[1];
  if (given !== undefined) attack.leaves(given);
}

export const POLLING_ATTACKS: readonly AttackKind[] = [
  { name: "packets", weight: 8, run: packets },
  { name: "overlapping requests", weight: 3, run: overlapping },
  { name: "slow bodies", weight: 3, run: slowBodies },
  { name: "crammed", weight: 3, run: crammed },
  { name: "upgrades", weight: 8, run: upgrades },
  { name: "invented sessions", weight: 4, run: inventedSessions },
];
