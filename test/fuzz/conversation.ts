import { encodeFetch, encodeMutations, encodeSubscribe, topicsToText } from "../../lib/messages.ts";
import { encodeMutation } from "../../lib/mutation-codec.ts";
import type { Changes, ObjectId, Properties, Value } from "../../lib/object.ts";
import type { Operation } from "../../lib/operation.ts";
import { PROTOCOL } from "../../lib/protocol.ts";
import { KnownShapes, makePropertySet, ShapeTable } from "../../lib/shape.ts";
import type { Topic } from "../../lib/topics.ts";
import type { SeededRandom } from "../simulation/random.ts";
import type { Attack } from "./attack.ts";
import { someName, someQuery, someText, someValue } from "./hostile-values.ts";
import { ARENA, HONEST, TREES } from "./victim-world.ts";

const NAMESPACES = [
  "note",
  "player",
  "shot",
  "common",
  "card",
  "tree",
  "db",
  "vault",
  "lease",
  "lease-request",
  "lease-counter",
  "nowhere",
];
const LEASE_NAMES = ["door", "gate", "", "__proto__", "x".repeat(250), "x".repeat(251)];
/** Names of clients that several attacks use: their writes were there before, perhaps as another's. */
const SHARED_CLIENTS = 20;
const HANDLES_MAX = 2 * TREES;
/** How many shapes it numbers; fewer than the victim takes. */
const SHAPES_MAX = 100;

/** What a client says first. */
export function someHello(attack: Attack): Record<string, unknown> {
  const { random, user, token } = attack;
  const clientId = random.chance(0.2)
    ? `shared-client-${random.below(SHARED_CLIENTS)}`
    : `client-of-${attack.name.replace(/\W/g, "-")}-${random.below(1_000_000)}`.slice(0, 64);
  const topics = random.pick([undefined, undefined, properTopics(random, user)]);
  const hostile = random.chance(0.1) ? someTopics(random, user) : topics;
  return {
    version: PROTOCOL.version,
    world: random.chance(0.8) ? "default" : ARENA,
    clientId,
    cursor: { epoch: "", seq: 0 },
    ...(random.chance(0.05) && { isStrict: random.chance(0.9) ? true : someValue(random) }),
    auth: random.chance(0.5) ? token : { token },
    ...(hostile !== undefined && { topics: topicsToText(hostile) }),
  };
}

export function someId(random: SeededRandom, user: string): ObjectId {
  const id = ((): string => {
    switch (random.below(10)) {
      case 0:
        return `${random.pick(["common", "card"])}:${HONEST}${random.below(10)}`; // as honest clients do
      case 8:
        return `tree:${HONEST}${random.below(TREES)}`;
      case 9:
        return `${random.pick(["card", "lease-request"])}:${random.below(20)}`; // of all attackers
      case 1:
        return `db:${random.below(120)}`;
      case 2:
        return someText(random);
      case 3:
        return `${random.pick(NAMESPACES)}:${someText(random)}`;
      default:
        return `${random.pick(NAMESPACES)}:${user}-${random.below(200)}`;
    }
  })();
  return id as ObjectId;
}

/** What anybody may ask for. */
function properTopics(random: SeededRandom, user: string): Topic[] {
  const all: Topic[] = [
    { namespace: random.pick(NAMESPACES) },
    { id: `note:${user}-${random.below(200)}` },
    { channel: `of:${user}` },
    { query: random.pick([{}, { by: "ann" }, { at: { $gte: random.below(100) } }]) },
  ];
  return all.slice(random.below(all.length));
}

export function someTopics(random: SeededRandom, user: string): Topic[] {
  const count = random.pick([0, 1, 1, 1, 1, 2, 3, 5, 5, 40]);
  return Array.from({ length: count }, (): Topic => {
    switch (random.below(5)) {
      case 0:
        return { namespace: random.pick([...NAMESPACES, "", "__proto__"]) };
      case 1:
        return { id: someId(random, user) };
      case 2:
        return { channel: random.pick([`of:${user}`, "of:ann", "of:admin", "", "__proto__"]) };
      default:
        return { query: someQuery(random) };
    }
  });
}

/**
 * What a client could say, message by message, as a client of ours encodes it: with writes that are wrong
 * in what they write, and otherwise right.
 */
export class Conversation {
  readonly #random: SeededRandom;
  readonly #user: string;
  readonly #table = new ShapeTable(SHAPES_MAX, makePropertySet);
  readonly #known = new KnownShapes();
  #n = 1;
  #request = 1;

  constructor(random: SeededRandom, user: string) {
    this.#random = random;
    this.#user = user;
  }

  next(): Uint8Array {
    const kind = this.#random.below(20);
    if (kind < 13) return this.mutations(this.#random.pick([1, 1, 1, 1, 1, 1, 2, 5, 20]));
    if (kind < 16) return this.fetch(this.#random.pick([0, 1, 2, 10, 200]));
    return this.subscribe();
  }

  mutations(count: number, operations?: () => Operation[]): Uint8Array {
    const random = this.#random;
    const encoded = Array.from({ length: count }, () => {
      const some = operations?.() ?? this.#operations();
      const handleOf = (): number | undefined =>
        random.chance(0.2) ? random.below(HANDLES_MAX) : undefined;
      return encodeMutation({ seen: random.below(1_000), operations: some }, this.#table, handleOf);
    });
    const first = this.#n;
    this.#n += count;
    const message = {
      settled: random.chance(0.98) ? first - 1 : random.below(first),
      first,
      mutations: encoded.map(({ bytes }) => bytes),
    };
    const shapes = new Set(encoded.flatMap((one) => one.shapes));
    return encodeMutations(message, this.#known.missing(shapes), this.#known);
  }

  fetch(count: number): Uint8Array {
    const ids = Array.from({ length: count }, () => someId(this.#random, this.#user));
    return encodeFetch({ request: this.#request++, ids });
  }

  subscribe(topics = someTopics(this.#random, this.#user)): Uint8Array {
    return encodeSubscribe(this.#request++, topics);
  }

  #operations(): Operation[] {
    return Array.from({ length: this.#random.pick([1, 1, 1, 1, 1, 2, 4, 30]) }, () =>
      this.#operation(),
    );
  }

  #operation(): Operation {
    const random = this.#random;
    const id = someId(random, this.#user);
    const kind = random.below(10);
    if (random.chance(0.05)) return this.#leaseRequest();
    if (kind < 4) {
      const properties = { owner: this.#user, ...this.#properties() } as Properties;
      return { kind: "create", id, properties, chosen: random.chance(0.8) };
    }
    return kind < 9 ? { kind: "update", id, changes: this.#properties() } : { kind: "destroy", id };
  }

  /** For a lease on one of a few names, mostly as it should be. */
  #leaseRequest(): Operation {
    const random = this.#random;
    const properties = {
      name: random.chance(0.9) ? random.pick(LEASE_NAMES) : someValue(random),
      ttlMs: random.chance(0.9) ? random.pick([999, 1_000, 600_000, 600_001]) : someValue(random),
      ...(random.chance(0.3) && { waitMs: random.pick([0, 10, -1, 1e15]) }),
      ...(random.chance(0.1) && { [random.pick(["note", "owner", "fence"])]: someValue(random) }),
    } as Properties;
    const id = `lease-request:${random.below(100)}` as ObjectId;
    return { kind: "create", id, properties, chosen: true };
  }

  #properties(): Changes {
    const random = this.#random;
    const count = random.chance(0.01) ? random.pick([100, 1_000, 1_001]) : random.below(5);
    const isMany = count > 5;
    const entries = Array.from({ length: count }, (_, i) => [
      isMany ? `p${i}` : someName(random),
      isMany ? i : random.chance(0.1) ? undefined : someValue(random),
    ]);
    if (random.chance(0.1)) entries.push(this.#reference());
    return Object.fromEntries(entries) as Changes;
  }

  #reference(): [name: string, to: Value] {
    const random = this.#random;
    if (random.chance(0.7)) return ["parent", someId(random, this.#user)];
    const count = random.pick([0, 3, 1_000]);
    return ["parts", Array.from({ length: count }, () => someId(random, this.#user))];
  }
}
