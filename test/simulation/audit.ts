import type { Change } from "../../lib/delta.ts";
import type { ErrorData } from "../../lib/errors.ts";
import type { ClientMessage, DeltaMessage, Fetched, ServerMessage } from "../../lib/messages.ts";
import type { ObjectId } from "../../lib/object.ts";
import type { Mutation, Operation } from "../../lib/operation.ts";
import type { Topic } from "../../lib/topics.ts";
import type { Checks } from "./checks.ts";
import type { Expected } from "./mirror.ts";
import type { PlainObject } from "./plain-object.ts";
import { selects, type Asked } from "./selection.ts";
import { nameAsOf, type SchemaVersion } from "./schema-history.ts";
import type { Eyes, Holder, Sights } from "./sights.ts";
import { canariesIn, canaryWriter, userOf } from "./token.ts";
import { teamOf } from "./visibility.ts";

const HANDLE = "by handle ";

/** What stands in the place of an id, where an object is named by its handle. */
export function byHandle(handle: number): ObjectId {
  return `${HANDLE}${handle}` as ObjectId;
}

/** The handle by which an object is named in the place of its id, if it is. */
export function handleIn(id: string): number | undefined {
  return id.startsWith(HANDLE) ? Number(id.slice(HANDLE.length)) : undefined;
}

/** What may become of any write, whatever it is about. */
const COMMON_CODES: ReadonlySet<string> = new Set(["unavailable", "mutation_mismatch"]);

/** Objects as text, by id. */
type Texts = ReadonlyMap<string, string>;

/** What somebody who asked for this would be shown at one moment. */
interface View {
  /** The place of what was asked for. */
  readonly place: number;
  readonly texts: Texts;
}

interface AuditOptions {
  /** Who is at the other end. */
  readonly user: string;
  readonly schema: SchemaVersion;
  /** What that asked for to begin with. */
  readonly asked: Asked;
  readonly sights: Sights;
  readonly checks: Checks;
  readonly server: Holder;
  /** The ids that this user has named or was told, on whatever connection. */
  readonly known: Set<string>;
  /** Whether a server may tell of what no store has heard of. */
  readonly hasEphemeral: boolean;
  /** Whether handlers are asked about writes, and may give objects other ids. */
  readonly hasHandlers: boolean;
  /** Whether messages come in the order in which they were sent, and each once. */
  readonly isOrdered: boolean;
}

/**
 * One connection whose client is shown a part of the world, or may see only a part: whether it is told
 * that and nothing else, whatever it asks for meanwhile. While it is shown something else, that is what
 * it had asked for before or what it asks for now, and never something between.
 */
export class Audit {
  readonly #options: AuditOptions;
  readonly #eyes: Eyes;
  /** All that the client has asked for, one after another. */
  readonly #asked: Asked[];
  /** By request, those that are not answered: the place in `#asked`. */
  readonly #subscriptions = new Map<number, number>();
  readonly #fetches = new Map<number, readonly string[]>();
  /** By number, the writes of one step that are not decided. */
  readonly #writes = new Map<number, Operation>();
  /** What was fetched, which belongs to whatever is asked for from then on. */
  readonly #held = new Set<string>();
  readonly #idOf = new Map<number, string>();
  /** What was asked for before this is over: the client was told so. */
  #first = 0;
  /** Which of what was asked for may be what the client is shown, as far as it has read. */
  #possible: readonly number[] = [];

  constructor(options: AuditOptions) {
    this.#options = options;
    this.#eyes = { team: teamOf(options.user), schema: options.schema };
    this.#asked = [options.asked];
    this.#learn(idsIn(options.asked));
  }

  /** The server is given a message, with these writes. */
  heard(message: ClientMessage, writes: readonly Mutation[]): void {
    for (const { n, operations } of writes) {
      const [operation, ...others] = operations;
      if (operation !== undefined && others.length === 0) this.#writes.set(n, operation);
      for (const { id } of operations) if (handleIn(id) === undefined) this.#learn([id]);
    }
    if (message.kind === "subscribe") {
      const topics = message.topics as readonly Topic[];
      this.#learn(idsIn(topics));
      this.#subscriptions.set(message.request, this.#asked.length);
      this.#asked.push(topics);
    } else if (message.kind === "fetch") {
      this.#learn(message.ids);
      this.#fetches.set(message.request, message.ids);
    }
  }

  /** The server has sent a message. */
  sent(message: ServerMessage, bytes: Uint8Array): Expected | undefined {
    this.#searchCanaries(bytes);
    if (message.kind === "fetched") return this.#answered(message);
    if (message.kind !== "delta") return undefined;
    for (const change of message.delta.changes) this.#checkChange(change);
    this.#checkErrors(message);
    return message.isWhole && this.#options.isOrdered ? this.#whole() : undefined;
  }

  #searchCanaries(bytes: Uint8Array): void {
    const { buffer, byteOffset, length } = bytes;
    const text = Buffer.from(buffer, byteOffset, length).toString("latin1");
    const { user, sights, checks, hasEphemeral } = this.#options;
    for (const canary of canariesIn(text)) {
      const isOwn = userOf(canaryWriter(canary)) === user;
      const isSecret = sights.isSecret(this.#eyes.team, canary);
      checks.saw("canary");
      checks.check(isOwn || hasEphemeral || !isSecret, "G15", () => {
        return `${user} is sent ${canary}, which it was never allowed to see`;
      });
    }
  }

  /** Whatever a page was made of, it is sent now: so it must be for this client's eyes now. */
  #checkChange(change: Change): void {
    const { handle } = change;
    if (change.kind === "create") {
      this.#idOf.set(handle, change.id);
      this.#learn([change.id]);
    }
    if (change.kind === "destroy") return;
    const id = this.#idOf.get(handle);
    this.#check(id !== undefined, "an update of an object that it was not told of");
    const object = this.#options.server.objects.get(id ?? "") as PlainObject | undefined;
    if (object === undefined) return; // destroyed since
    const { sights } = this.#options;
    const shown = sights.shown(this.#eyes, object);
    this.#check(shown !== undefined, () => `of ${object.id}, which it may not see`);
    if (shown === undefined) return;
    this.#check(this.#isAskedFor(object, shown), () => `of ${object.id}, which it did not ask for`);
    const { team, schema } = this.#eyes;
    const hidden = sights.visibility
      .hidden(team, object)
      .map((name) => nameAsOf(schema, object, name));
    const told = change.shape.names.filter((name) => hidden.includes(name));
    this.#check(told.length === 0, () => `${told.join()} of ${object.id}, which it may not see`);
  }

  #isAskedFor(object: PlainObject, shown: PlainObject): boolean {
    const { id } = object;
    const isFetched = [...this.#fetches.values()].some((ids) => ids.includes(id));
    if (isFetched || this.#held.has(id)) return true;
    return this.#asked.slice(this.#first).some((asked) => selects(asked, object, shown));
  }

  /** An error names nothing that the client did not name itself, and was never allowed to see. */
  #checkErrors({ outcomes }: DeltaMessage): void {
    const { sights, known, hasEphemeral } = this.#options;
    if (!sights.visibility.hasRules) return;
    for (const { n, outcome } of outcomes) {
      const operation = this.#writes.get(n);
      this.#writes.delete(n);
      if (outcome.kind === "accepted") {
        this.#learn(outcome.renamed?.values() ?? []);
        continue;
      }
      const { id, message } = outcome.error;
      const isKnown = id === undefined || known.has(id) || hasEphemeral;
      this.#check(isKnown || sights.hasSeen(this.#eyes.team, id), () => {
        return `of ${String(id)} by the error of its write ${n}: ${message}`;
      });
      for (const { referredBy } of outcome.error.collisions ?? []) {
        const mayKnow = referredBy === undefined || known.has(referredBy) || hasEphemeral;
        this.#check(mayKnow || sights.hasSeen(this.#eyes.team, referredBy), () => {
          return `that ${String(referredBy)} refers to what its write ${n} destroys`;
        });
      }
      if (operation !== undefined) this.#checkRefusal(operation, outcome.error);
    }
  }

  /** Of what a client was never allowed to see it is told what it is told of what never was. */
  #checkRefusal({ kind, id }: Operation, { code, message, property, collisions }: ErrorData): void {
    const { sights, hasEphemeral, hasHandlers, checks } = this.#options;
    if (handleIn(id) !== undefined || hasEphemeral || hasHandlers || COMMON_CODES.has(code)) return;
    // Where everybody may see everything, what it refers to may be looked at first.
    const isOfOther = collisions?.every((one) => one.id !== id) === true;
    if (isOfOther && sights.visibility.isForAll(id)) return;
    if (sights.hasSeen(this.#eyes.team, id)) return;
    checks.saw("refusal of what was never to be seen");
    const isTelling =
      kind === "create"
        ? code === "exists"
        : `${code}: ${message}` !== `not_found: there is no object ${id}` || property !== undefined;
    this.#check(!isTelling, () => `that ${id} is there, by ${code}: ${message}`);
  }

  #learn(ids: Iterable<string>): void {
    for (const id of ids) this.#options.known.add(id);
  }

  #whole(): Expected {
    const first = this.#first;
    const views = this.#asked
      .slice(first)
      .map((asked, i): View => ({ place: first + i, texts: this.#viewOf(asked) }));
    const held = this.#textsOf(this.#held);
    const optional = this.#textsOf([...this.#fetches.values()].flat());
    return (texts) => {
      const last = Math.min(...this.#possible, this.#asked.length);
      const isFirst = this.#possible.length === 0;
      const possible = views.filter((view) => {
        return (isFirst || view.place >= last) && agrees(texts, view.texts, held, optional);
      });
      this.#possible = possible.map(({ place }) => place);
      if (possible.length > 0) return undefined;
      return `is shown what it neither had nor has asked for: ${difference(texts, views)}`;
    };
  }

  #answered({ request, missing, error }: Fetched): Expected | undefined {
    const ids = this.#fetches.get(request);
    const place = this.#subscriptions.get(request);
    this.#fetches.delete(request);
    this.#subscriptions.delete(request);
    if (error !== undefined) return undefined;
    for (const id of ids ?? []) this.#held.add(id);
    if (!this.#options.isOrdered) return undefined;
    if (place !== undefined) {
      this.#options.checks.saw("turn");
      this.#first = Math.max(this.#first, place);
      return () => {
        this.#possible = this.#possible.filter((one) => one >= place);
        if (this.#possible.length > 0) return undefined;
        return `is told that it is shown ${JSON.stringify(this.#asked[place])}, and is not`;
      };
    }
    return (texts) => {
      const wrong = ids?.filter((id) => !texts.has(id) && !missing.includes(id)) ?? [];
      return wrong.length === 0
        ? undefined
        : `is told that ${wrong.join()} was fetched, and is not`;
    };
  }

  #viewOf(asked: Asked): Texts {
    const { sights, server } = this.#options;
    return sights.view(server, this.#eyes, asked);
  }

  #textsOf(ids: Iterable<string>): Texts {
    const { sights, server } = this.#options;
    const texts = new Map<string, string>();
    for (const id of ids) {
      const text = sights.text(server, this.#eyes, id);
      if (text !== undefined) texts.set(id, text);
    }
    return texts;
  }

  #check(holds: boolean, what: string | (() => string)): void {
    const { checks, user } = this.#options;
    checks.check(holds, "G15", () => `${user} is told ${typeof what === "string" ? what : what()}`);
  }
}

/** Whether `texts` are those of a view with all that is held, and of the optional ones any. */
function agrees(texts: Texts, view: Texts, held: Texts, optional: Texts): boolean {
  let count = 0;
  for (const [id, text] of view) {
    if (texts.get(id) !== text) return false;
    count += 1;
  }
  for (const [id, text] of held) {
    if (view.has(id)) continue;
    if (texts.get(id) !== text) return false;
    count += 1;
  }
  for (const [id, text] of optional) {
    if (view.has(id) || held.has(id) || !texts.has(id)) continue;
    if (texts.get(id) !== text) return false;
    count += 1;
  }
  return count === texts.size;
}

function difference(texts: Texts, views: readonly View[]): string {
  const view = views.at(-1)?.texts ?? new Map<string, string>();
  const lines: string[] = [];
  for (const id of new Set([...texts.keys(), ...view.keys()])) {
    const [has, expected] = [texts.get(id) ?? "nothing", view.get(id) ?? "nothing"];
    if (has !== expected) lines.push(`\n  ${id}: has ${has}\n     it is ${expected}`);
  }
  return lines.slice(0, 5).join("");
}

function idsIn(asked: Asked): readonly string[] {
  return (asked ?? []).flatMap((topic) => ("id" in topic ? [topic.id] : []));
}
