import type { SeededRandom } from "../simulation/random.ts";
import type { Attack } from "./attack.ts";
import { someName, someText, someValue } from "./hostile-values.ts";
import { mutated } from "./mutate.ts";
import {
  ADDRESS_HEADER,
  DATABASES,
  GUESSED,
  HONEST,
  RESOURCES,
  secretOf,
  SERVICE,
} from "./victim-world.ts";
import { bytesOf } from "./web-socket.ts";

/*
 * Requests to the bridges, persistence.js's and Plasmid Sync's: proper ones, and what comes of them when
 * parts of them are exchanged for anything.
 */

export interface BridgeRequest {
  readonly method: string;
  readonly target: string;
  readonly headers: readonly string[];
  readonly body: Buffer | undefined;
}

/** What answers have told that the next request may refer to. */
export interface Heard {
  readonly stamp: string;
  readonly revision: string;
}

const METHODS = ["PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "GET", "POST", "QUERY", "TRACE"];
const TYPES = [
  "text/plain",
  "text/plain;charset=utf-8",
  "application/x-www-form-urlencoded",
  "multipart/form-data; boundary=x",
  "application/json; charset=utf-16",
  "application/json;",
  "application/jsonp",
  "application/vnd.api+json",
  "JSON",
  "",
];
const STAMPS = [
  "0",
  "-1",
  "1",
  "1.5",
  "1e3",
  "",
  "null",
  "NaN",
  "9007199254740991",
  "1e400",
  "%00",
];

export function someHeard(heard: Buffer): Heard {
  const text = heard.subarray(-100_000).toString("latin1");
  const last = (name: string): string => {
    const found = [...text.matchAll(new RegExp(`"${name}":(\\d+)`, "g"))];
    return found.at(-1)?.[1] ?? "0";
  };
  return { stamp: last("now"), revision: last("revision") };
}

/** A proper request, or one with something wrong in it. */
export function someBridgeRequest(attack: Attack, heard: Heard): BridgeRequest {
  const { random } = attack;
  const proper = random.chance(0.5) ? ofPersistence(attack, heard) : ofPlasmid(attack, heard);
  return {
    method: random.chance(0.05) ? random.pick(METHODS) : proper.method,
    target: random.chance(0.05) ? strangeTarget(random, proper.target) : proper.target,
    headers: proper.headers,
    body: proper.body && (random.chance(0.1) ? spoiled(random, proper.body) : proper.body),
  };
}

function ofPersistence(attack: Attack, { stamp }: Heard): BridgeRequest {
  const { random, token } = attack;
  const path = random.pick(Object.keys(RESOURCES));
  const headers = random.chance(0.8) ? [`Authorization: Bearer ${token}`] : strangers(random);
  if (random.chance(0.4)) {
    const since = random.chance(0.7) ? stamp : random.pick(STAMPS);
    const query = random.chance(0.9) ? `?since=${since}` : "";
    return { method: "GET", target: path + query, headers, body: undefined };
  }
  const count = random.pick([0, 1, 1, 2, 5, 30]);
  const items = Array.from({ length: count }, () => someItem(attack));
  const body = jsonOf(random.chance(0.95) ? items : someValue(random));
  return { method: "POST", target: path, headers: [...headers, typeOf(random)], body };
}

export function someItem({ random, user }: Attack): unknown {
  const id = random.chance(0.1)
    ? random.pick([someText(random), someValue(random)])
    : random.pick([`${user}-${random.below(100)}`, `${HONEST}${random.below(10)}`]);
  const properties = Array.from({ length: random.below(5) }, () => [
    random.pick([someName(random), "_removed", "_lastChange", "parent"]),
    someValue(random),
  ]);
  return { id, owner: user, ...(Object.fromEntries(properties) as object) };
}

function ofPlasmid(attack: Attack, { revision }: Heard): BridgeRequest {
  const { random } = attack;
  const headers = signedIn(attack);
  const database = random.pick(
    random.chance(0.9) ? DATABASES : [someText(random), "new", "eves-3"],
  );
  const base = `${SERVICE}/d/${encodeURIComponent(database.replace(/\p{Surrogate}/gu, "?"))}`;
  const get = (target: string): BridgeRequest => ({
    method: "GET",
    target,
    headers,
    body: undefined,
  });
  const post = (target: string, body: unknown): BridgeRequest => {
    const type = random.chance(0.5) ? [] : [typeOf(random)]; // the published client names none
    return { method: "POST", target, headers: [...headers, ...type], body: jsonOf(body) };
  };
  switch (random.below(10)) {
    case 0:
      return get(base);
    case 1:
      return get(`${base}/clone`);
    case 2:
      return get(`${base}/update/${random.chance(0.7) ? revision : random.pick(STAMPS)}`);
    case 3:
      return get(`${SERVICE}/a/${random.pick([attack.user, GUESSED, "olga", "nobody"])}`);
    case 4:
      return post(`${SERVICE}/a/`, {
        access: random.pick(["new", attack.user, someValue(random)]),
        secret: someValue(random),
      });
    case 5:
      return post(`${SERVICE}/a/${random.pick([attack.user, GUESSED, "olga", "__proto__"])}`, {
        permission: random.pick([
          "ReadDatabase",
          "CreateAccount",
          "*",
          "DatabaseQuota",
          someText(random),
        ]),
        resource: random.pick(["eves", "olgas", "*", "", someText(random)]),
        value: random.pick(["Yes", true, 1, someValue(random)]),
      });
    default:
      return post(`${base}/update/`, somePush(random, revision));
  }
}

function somePush(random: SeededRandom, revision: string): unknown {
  if (random.chance(0.05)) return someValue(random);
  const store = (): [string, unknown] => {
    const keys = Array.from({ length: random.pick([0, 1, 3, 20]) }, () => [
      random.chance(0.1) ? someText(random) : `key-${random.below(50)}`,
      random.chance(0.8) ? packed(random) : someValue(random),
    ]);
    return [
      random.pick(["notes", "__proto__", "a:b", "", someText(random)]),
      Object.fromEntries(keys),
    ];
  };
  const stores = random.chance(0.7) ? [["notes", store()[1]]] : [store(), store()];
  return {
    last_revision: random.chance(0.8) ? Number(revision) : someValue(random),
    data: random.chance(0.95) ? (Object.fromEntries(stores) as object) : someValue(random),
  };
}

/** As the published client packs values, or nearly. */
function packed(random: SeededRandom): unknown {
  return random.pick([
    null,
    1,
    { null: true },
    { undefined: true },
    { date: random.pick([0, 1e300, "x"]) },
    { blob: { contents: "é\u0000x", properties: { type: "x" } } },
    { array: [1, { reference: "1" }], id: 1 },
    { object: { a: { object: {}, id: 2 }, b: { reference: 2 } }, id: 1 },
    { text: "t".repeat(random.pick([1, 5_000])) },
  ]);
}

/** A page of an array that is large, deep or long, as bytes: what is told of it is in the first of them. */
export function largeBody(random: SeededRandom, user: string): Buffer {
  const count = random.pick([1_000, 10_000, 60_000]);
  const keys = (make: (i: number) => string): string =>
    Array.from({ length: count }, (_, i) => make(i)).join();
  const push = (data: string): string => `{"last_revision":1,"data":${data}}`;
  const text = random.pick([
    () => `[${keys((i) => `{"id":"${user}-${i}"}`)}]`,
    () => `[{"id":"${user}-1",${keys((i) => `"p${i}":${i}`)}}]`,
    () => `[{"id":"${user}-1","list":[${keys(String)}]}]`,
    () => `[{"id":"${user}-1","text":"${"t".repeat(30 * count)}"}]`,
    () => `[{"id":"${user}-1","deep":${nestedText(random, count)}}]`,
    () => nestedText(random, 10 * count),
    () => "[".repeat(100 * count),
    () => push(`{"notes":{${keys((i) => `"k${i}":${i}`)}}}`),
    () => push(`{${keys((i) => `"s${i}":{"k":1}`)}}`),
    () => push(`{"notes":{"k":${nestedText(random, count)}}}`),
    () => push(`{"notes":{${keys(() => '"k":1')}}}`),
    () => `{"access":"${"a".repeat(50 * count)}"}`,
    () => "9".repeat(10 * count),
    () => `"${"\\u0000".repeat(10 * count)}"`,
  ])();
  return Buffer.from(text);
}

function nestedText(random: SeededRandom, depth: number): string {
  return random.chance(0.5)
    ? `${"[".repeat(depth)}${"]".repeat(depth)}`
    : `${'{"a":'.repeat(depth)}1${"}".repeat(depth)}`;
}

function jsonOf(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

function spoiled(random: SeededRandom, body: Buffer): Buffer {
  switch (random.below(5)) {
    case 0:
      return bytesOf(random, random.pick([1, 100, 3_000]));
    case 1:
      return Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), body]);
    case 2:
      return Buffer.from(body.toString("latin1"), "utf16le");
    case 3:
      return body.subarray(0, random.below(body.length + 1));
    default:
      return mutated(random, body, body);
  }
}

function strangeTarget(random: SeededRandom, target: string): string {
  return random.pick([
    `${target}/`,
    `/${target}`,
    `${target}/..`,
    `${target}%00`,
    `${target}?since=0&since=1`,
    `${target}#x`,
    `${target}/%`,
    `${target}/%ff/%2f`,
    `http://victim${target}`,
    target.toUpperCase(),
    `${target}?${"a=1&".repeat(2_000)}`,
    `${SERVICE}/d/${"%E2%80%AE".repeat(100)}`,
    `${SERVICE}/d//clone`,
    `${SERVICE}/a/__proto__`,
    `${SERVICE}/__proto__`,
    SERVICE,
  ]);
}

function typeOf(random: SeededRandom): string {
  return `Content-Type: ${random.chance(0.9) ? "application/json" : random.pick(TYPES)}`;
}

/** An account of an attacker; or a guess, each from another address, as so many may fail from one. */
export function signedIn({ random, user }: Attack): string[] {
  if (random.chance(0.85)) return [basic(user, secretOf(user))];
  return [`${ADDRESS_HEADER}: ${random.below(1_000)}`, ...strangers(random)];
}

function strangers(random: SeededRandom): string[] {
  return random.pick([
    [],
    [basic(GUESSED, someText(random))],
    [basic("nobody", "x")],
    ["Authorization: Basic ====="],
    [`Authorization: Basic ${"QQ".repeat(2_000)}`],
    ["Authorization: Bearer x.y.z"],
    ["Authorization: Bearer "],
    ["Authorization: Digest x", "Authorization: Basic x"],
  ]);
}

function basic(name: string, secret: string): string {
  return `Authorization: Basic ${Buffer.from(`${name}:${secret}`).toString("base64")}`;
}
