import type { ObjectId } from "../../../lib/object.ts";
import { topicsToText } from "../../../lib/messages.ts";
import type { Operation } from "../../../lib/operation.ts";
import { PROTOCOL } from "../../../lib/protocol.ts";
import type { SeededRandom } from "../../simulation/random.ts";
import { GOLDEN_FRAMES } from "../../support/golden-frames.ts";
import { creating, mutations } from "../../support/hand-made.ts";
import type { Attack } from "../attack.ts";
import { Conversation, someHello, someTopics } from "../conversation.ts";
import { mutated } from "../mutate.ts";
import { OPCODE, frameOf, Speaker } from "../web-socket.ts";
import type { AttackKind } from "./kind.ts";

/*
 * Our own protocol: what clients say, changed in all kinds of ways, too much of it, and too fast.
 */

const GOLDEN = Object.values(GOLDEN_FRAMES).map(({ hex }) => Buffer.from(hex, "hex"));

/** A conversation in which messages are damaged, left out, doubled, exchanged, or somebody else's. */
async function conversation(attack: Attack): Promise<void> {
  const { random, user } = attack;
  const speaker = await Speaker.admitted(attack, someHello(attack));
  const talk = new Conversation(random, user);
  const damage = random.pick([0, 0.01, 0.05, 0.3]);
  let before: Uint8Array = random.pick(GOLDEN);
  let held: Uint8Array | undefined;
  for (let left = random.pick([3, 20, 100, 300]); speaker !== undefined && left > 0; left--) {
    let message: Uint8Array = random.chance(0.005) ? random.pick(GOLDEN) : talk.next();
    if (random.chance(damage)) message = mutated(random, message, before);
    if (random.chance(damage / 3)) [held, message] = [message, held ?? message];
    if (random.chance(damage / 3)) continue;
    for (let times = random.chance(damage / 3) ? 2 : 1; times > 0; times--) {
      if (!(await say(speaker, random, message))) return;
    }
    before = message;
  }
  await attack.pause(random.below(50));
}

/** In one of the two ways that there are. */
async function say(speaker: Speaker, random: SeededRandom, message: Uint8Array): Promise<boolean> {
  if (random.chance(0.9)) return speaker.message(message);
  const announcement = `451-${PROTOCOL.defaultNamespace},["o",{"_placeholder":true,"num":0}]`;
  return (await speaker.text(announcement)) && speaker.message(message);
}

/** Nothing but bytes, behind the first one of a message that there is. */
async function garbage(attack: Attack): Promise<void> {
  const { random } = attack;
  const speaker = await Speaker.admitted(attack, someHello(attack));
  const kinds = Object.values(PROTOCOL.fromClient);
  const bytes = Uint8Array.from({ length: random.pick([1, 10, 300, 60_000]) }, () =>
    random.chance(0.5) ? random.below(16) : random.below(256),
  );
  bytes[0] = random.pick(kinds);
  await speaker?.message(bytes);
  await attack.pause(20);
}

/** As deep as bytes go. */
async function deep(attack: Attack): Promise<void> {
  const { random, user } = attack;
  const speaker = await Speaker.admitted(attack, someHello(attack));
  const [head, depth] = [random.pick([8, 9, 10]), random.pick([33, 5_000, 200_000])];
  const content = creating(`note:${user}-deep`, "a", (writer) => {
    for (let i = 0; i < depth; i++) {
      writer.byte(head);
      if (head !== 10) writer.varint(1);
      if (head === 9) writer.text("a");
    }
    writer.byte(1);
  });
  await speaker?.message(mutations(1, content));
  await attack.pause(20);
}

function creates(user: string, count: number, at: number): Operation[] {
  return Array.from({ length: count }, (_, i) => ({
    kind: "create",
    id: `common:${user}-burst-${at + i}` as ObjectId,
    properties: { owner: user, at: i },
    chosen: true,
  }));
}

function updates(user: string, count: number, size: number): Operation[] {
  return Array.from({ length: count }, (_, i) => ({
    kind: "update",
    id: `common:${user}-burst-${i}` as ObjectId,
    changes: { at: i, text: "t".repeat(size) },
  }));
}

/** As much as may be of one sort, or more, as fast as it goes. */
function burstOf(attack: Attack, talk: Conversation): readonly Uint8Array[] {
  const { random, user } = attack;
  const times = <Made>(count: number, make: (i: number) => Made): Made[] =>
    Array.from({ length: count }, (_, i) => make(i));
  switch (random.below(9)) {
    case 0: // many messages of one write each
      return times(random.pick([500, 3_000, 12_000]), (i) =>
        talk.mutations(1, () => updates(user, 1, i % 7)),
      );
    case 1: // one message of many writes
      return times(random.pick([1, 3]), (i) =>
        talk.mutations(random.pick([900, 1_000]), () => creates(user, 1, i)),
      );
    case 2: // writes of many steps
      return times(random.pick([1, 20]), (i) =>
        talk.mutations(1, () => creates(user, 1_000, i * 1_000)),
      );
    case 3: // large values
      return times(random.pick([1, 4, 12]), () =>
        talk.mutations(1, () => updates(user, 1, 500_000)),
      );
    case 4: // many subscriptions, each of many queries
      return times(random.pick([10, 60, 120]), () => talk.subscribe(someTopics(random, user)));
    case 5: // all objects come and go, again and again
      return times(random.pick([10, 60]), (i) =>
        talk.subscribe(
          i % 2 === 0 ? [] : [{ namespace: "common" }, { query: { at: { $gte: 0 } } }],
        ),
      );
    case 6: // fetches
      return times(random.pick([10, 120]), () => talk.fetch(random.pick([10, 1_000])));
    case 7: {
      // the most queries that there may be
      const query = (i: number) => ({
        [`p${i % 9}`]: { $gte: i },
        text: { $ne: `${i}` },
        a: { $lt: i },
      });
      return times(random.pick([1, 5]), () =>
        talk.subscribe(times(1_000, (i) => ({ query: query(i) }))),
      );
    }
    default: {
      // arrays that are as long as may be
      const list = times(random.pick([1_000, 100_000]), (i) => i & 31);
      return times(random.pick([1, 8]), () =>
        talk.mutations(1, () => [
          { kind: "update", id: `common:${user}-burst-1` as ObjectId, changes: { list } },
        ]),
      );
    }
  }
}

async function burst(attack: Attack): Promise<void> {
  const { random, user } = attack;
  const speaker = await Speaker.admitted(attack, someHello(attack));
  if (speaker === undefined) return;
  const talk = new Conversation(random, user);
  if (random.chance(0.5)) await speaker.message(talk.mutations(1, () => creates(user, 200, 0)));
  const messages = burstOf(attack, talk);
  await speaker.messages(messages);
  await speaker.wire.isEnded(random.pick([50, 300]));
}

/** Asks for all that there is, and more, and reads nothing. */
async function silence(attack: Attack): Promise<void> {
  const { random, user } = attack;
  const speaker = await Speaker.admitted(attack, someHello(attack));
  if (speaker === undefined) return;
  speaker.wire.stopReading();
  const talk = new Conversation(random, user);
  for (let left = random.pick([5, 40]); left > 0 && !attack.isOver; left--) {
    const message = random.chance(0.5) ? talk.fetch(300) : talk.subscribe([{ query: {} }]);
    if (!(await speaker.message(message))) return;
    await attack.pause(random.below(20));
  }
}

/** The same client on many connections, each of which takes another's place. */
async function crowd(attack: Attack): Promise<void> {
  const { random, user } = attack;
  const hello = someHello(attack);
  const one = async (): Promise<void> => {
    const own = random.chance(0.5) ? hello : { ...hello, clientId: `crowd-${random.below(1e9)}` };
    const seed = random.fork(`${random.below(1e9)}`);
    const speaker = await Speaker.admitted(attack, own);
    const talk = new Conversation(seed, user);
    for (let left = seed.below(10); speaker !== undefined && left > 0; left--) {
      if (!(await speaker.message(talk.next()))) return;
    }
    if (seed.chance(0.5)) speaker?.wire.close();
  };
  await Promise.all(Array.from({ length: random.pick([2, 10, 30]) }, one));
}

/** Pulls, and comes back as one that pushes strictly: as far as it says that it is, or further. */
async function strict(attack: Attack): Promise<void> {
  const { random, user } = attack;
  const hello = someHello(attack);
  const puller = await Speaker.admitted(attack, hello);
  if (puller === undefined) return;
  const [, epoch = ""] = /"epoch":"([^"]*)"/.exec(puller.wire.heard.toString("latin1")) ?? [];
  const [, seq = "0"] = /"seq":(\d+)/.exec(puller.wire.heard.toString("latin1")) ?? [];
  if (random.chance(0.5)) puller.wire.close();
  const topics = random.chance(0.8) ? { topics: topicsToText([{ id: `note:${user}-1` }]) } : {};
  const ahead = random.pick([0, 0, 0, 1, 1e6, -1, 0.5]);
  const cursor = { epoch: random.chance(0.9) ? epoch : "", seq: Number(seq) + ahead };
  const speaker = await Speaker.admitted(attack, { ...hello, ...topics, cursor, isStrict: true });
  const talk = new Conversation(random, user);
  for (let left = random.pick([1, 10, 50]); speaker !== undefined && left > 0; left--) {
    if (!(await speaker.message(talk.next()))) return;
    if (random.chance(0.3)) await attack.pause(random.below(20));
  }
}

/** A large message that comes to its end slowly, or never. */
async function unfinished(attack: Attack): Promise<void> {
  const { random, user } = attack;
  const speaker = await Speaker.admitted(attack, someHello(attack));
  if (speaker === undefined) return;
  const talk = new Conversation(random, user);
  const payload = talk.mutations(1, () => updates(user, 1, random.pick([1_000, 400_000])));
  const frame = frameOf(random, { opcode: OPCODE.binary, payload });
  await speaker.inPieces(frame.subarray(0, random.below(frame.length)));
  await attack.pause(random.below(100));
}

export const MESSAGE_ATTACKS: readonly AttackKind[] = [
  { name: "conversation", weight: 40, run: conversation },
  { name: "garbage", weight: 5, run: garbage },
  { name: "deep", weight: 2, run: deep },
  { name: "burst", weight: 12, isHeavy: true, run: burst },
  { name: "silence", weight: 3, run: silence },
  { name: "strict", weight: 4, run: strict },
  { name: "crowd", weight: 3, run: crowd },
  { name: "unfinished", weight: 3, run: unfinished },
];
