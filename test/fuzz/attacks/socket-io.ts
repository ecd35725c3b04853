import { PROTOCOL } from "../../../lib/protocol.ts";
import type { Attack } from "../attack.ts";
import { Conversation, someHello } from "../conversation.ts";
import { someText, someValue } from "../hostile-values.ts";
import { mutatedText } from "../mutate.ts";
import { bytesOf, Speaker } from "../web-socket.ts";
import { GUESSED } from "../victim-world.ts";
import type { SeededRandom } from "../../simulation/random.ts";
import type { AttackKind } from "./kind.ts";

/*
 * socket.io: packets that are wrong, attachments that never come, and hellos that say anything.
 */

const NS = PROTOCOL.defaultNamespace;
const PLACEHOLDER = '{"_placeholder":true,"num":0}';

function somePacket(random: SeededRandom, hello: string): string {
  const nested = "[".repeat(random.pick([10, 1_000, 100_000]));
  return random.pick([
    `40${NS},${hello}`,
    `40/${someText(random)},`,
    "40",
    `40/${"n".repeat(random.pick([10, 10_000, 500_000]))},{}`,
    "41",
    `41${NS},`,
    `42${NS},["o",null]`,
    `42${NS},["${someText(random)}",1]`,
    `42${NS},["connect"]`,
    `42${NS},["disconnect","x"]`,
    `42${NS},["error",{}]`,
    `42${NS},["__proto__",{"__proto__":{"a":1}}]`,
    `42${NS},[]`,
    `42${NS},{"length":1,"0":"o"}`,
    `42${NS},12["o",${PLACEHOLDER}]`,
    `42${NS},["o",${nested}`,
    `42${NS},99999999999999999999["o"]`,
    `43${NS},12["unasked"]`,
    `43${NS},-1[]`,
    `44${NS},{"message":"no"}`,
    `451-${NS},["o",${PLACEHOLDER}]`,
    `450-${NS},["o",${PLACEHOLDER}]`,
    `45999999-${NS},["o",${PLACEHOLDER}]`,
    `4599999999999-${NS},["o"]`,
    `451-${NS},["o",{"_placeholder":true,"num":-1}]`,
    `451-${NS},["o",{"_placeholder":true,"num":"__proto__"}]`,
    `451-${NS},["o",{"_placeholder":true,"num":1e9}]`,
    `452-${NS},["o",${PLACEHOLDER},${PLACEHOLDER}]`,
    `461-${NS},3[${PLACEHOLDER}]`,
    "45-",
    "451-",
    "47",
    "4",
    "2",
    "3",
    "5",
    "6",
    `4${"9".repeat(400)}`,
  ]);
}

async function somePackets(attack: Attack): Promise<void> {
  const { random, user } = attack;
  const isAdmitted = random.chance(0.8);
  const speaker = isAdmitted
    ? await Speaker.admitted(attack, someHello(attack))
    : await Speaker.greeted(attack);
  const talk = new Conversation(random, user);
  const hello = JSON.stringify(someHello(attack));
  for (let left = random.pick([1, 3, 20]); speaker !== undefined && left > 0; left--) {
    const packet = somePacket(random, hello);
    const text = random.chance(0.8) ? packet : mutatedText(random, packet, hello);
    if (!(await speaker.text(text))) return;
    // An attachment, or a message of ours that may be taken for one.
    if (random.chance(0.4) && !(await speaker.message(talk.next()))) return;
    if (random.chance(0.1)) await speaker.message(bytesOf(random, random.below(50)));
  }
  await attack.pause(random.below(30));
}

/** The hello with parts of it in the place of others, or none. */
async function hellos(attack: Attack): Promise<void> {
  const { random } = attack;
  const speaker = await Speaker.greeted(attack);
  for (let left = random.pick([1, 2, 30]); speaker !== undefined && left > 0; left--) {
    const hello = someHello(attack);
    const names = [...Object.keys(hello), "topics"];
    for (let changes = random.below(3); changes > 0; changes--) {
      hello[random.pick(names)] = random.pick<unknown>([
        someValue(random),
        undefined,
        { epoch: someText(random), seq: random.pick([-1, 1.5, 2 ** 53, 1e9]), isPart: true },
        { token: someText(random) },
        { name: random.pick([GUESSED, "nobody", ""]), secret: someText(random) },
        mutatedText(random, attack.token, attack.token),
        bytesOf(random, random.pick([3, 300])).toString("base64"),
      ]);
    }
    // NaN and the like are null in JSON.
    const plain = JSON.stringify(hello);
    const text = random.chance(0.9) ? plain : plain.replace("{", '{"__proto__":{"version":1},');
    if (
      !(await speaker.text(
        `40${NS},${random.chance(0.9) ? text : mutatedText(random, text, text)}`,
      ))
    )
      return;
    if (random.chance(0.2)) await speaker.text(`41${NS},`);
  }
  await attack.pause(random.below(50));
}

/** Many namespaces on one connection, each of which is refused. */
async function namespaces(attack: Attack): Promise<void> {
  const { random } = attack;
  const speaker = await Speaker.greeted(attack);
  if (random.chance(0.3)) speaker?.wire.stopReading();
  const name = "x".repeat(random.pick([1, 100, 5_000]));
  for (let left = random.pick([10, 200]); speaker !== undefined && left > 0; left--) {
    if (!(await speaker.text(`40/${name}${left},{"a":1}`))) return;
  }
}

export const SOCKET_IO_ATTACKS: readonly AttackKind[] = [
  { name: "socket.io packets", weight: 10, run: somePackets },
  { name: "hellos", weight: 10, run: hellos },
  { name: "namespaces", weight: 2, run: namespaces },
];
