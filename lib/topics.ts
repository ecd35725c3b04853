import { NOTHING_HIDDEN } from "./entry.ts";
import { atMost, SyncError } from "./errors.ts";
import type { CommonLimits } from "./limits.ts";
import { checkId, namespaceOf, type ObjectId, type SyncObject } from "./object.ts";
import { parseQuery, type Query } from "./query.ts";

/**
 * What a client asks to be shown: the objects whose ids begin with a namespace and a colon, single
 * objects, those of a channel, or those that a query matches.
 *
 * ```ts
 * { namespace: "chat" }  { id: "player:1" }  { channel: "cell:3:4" }  { query: { type: "player", level: { $gte: 5 } } }
 * ```
 */
export type Topic =
  | { readonly namespace: string }
  | { readonly id: string }
  | { readonly channel: string }
  | { readonly query: Readonly<Record<string, unknown>> };

const KINDS = ["namespace", "id", "channel", "query"] as const;

/** Everything that somebody asks to be shown: what any of its topics selects. */
export class Topics {
  /** Whether it is all that there is. */
  readonly isEverything: boolean;
  readonly namespaces: ReadonlySet<string>;
  readonly ids: ReadonlySet<string>;
  readonly channels: ReadonlySet<string>;
  readonly queries: readonly Query[];
  #key: string | undefined;

  constructor(isEverything: boolean, parts: Partial<TopicParts> = {}) {
    const { namespaces = [], ids = [], channels = [], queries = [] } = parts;
    this.isEverything = isEverything;
    this.namespaces = new Set(namespaces);
    this.ids = new Set(ids);
    this.channels = new Set(channels);
    const byKey = new Map(Array.from(queries, (query) => [query.key, query]));
    this.queries = [...byKey.values()];
  }

  /** The same for those who ask for the same. */
  get key(): string {
    this.#key ??= this.isEverything ? "*" : this.#parts();
    return this.#key;
  }

  #parts(): string {
    const { namespaces, ids, channels, queries } = this;
    const lists = [namespaces, ids, channels, queries.map(({ key }) => key)];
    return JSON.stringify(lists.map((list) => [...list].sort()));
  }

  /** Whether an object that is in these channels is among what they select, for those who see this of it. */
  select(
    object: SyncObject,
    channels: readonly string[],
    hidden: readonly string[] = NOTHING_HIDDEN,
  ): boolean {
    if (this.isEverything || this.ids.has(object.id)) return true;
    if (this.namespaces.size > 0 && this.namespaces.has(namespaceOf(object.id))) return true;
    for (const channel of channels) if (this.channels.has(channel)) return true;
    for (const query of this.queries) if (query.matches(object, hidden)) return true;
    return false;
  }

  /** The same and more. */
  with(parts: Partial<TopicParts>): Topics {
    const { namespaces, ids, channels, queries } = this;
    return new Topics(this.isEverything, {
      namespaces: [...namespaces, ...(parts.namespaces ?? [])],
      ids: [...ids, ...(parts.ids ?? [])],
      channels: [...channels, ...(parts.channels ?? [])],
      queries: [...queries, ...(parts.queries ?? [])],
    });
  }
}

export interface TopicParts {
  readonly namespaces: Iterable<string>;
  readonly ids: Iterable<string>;
  readonly channels: Iterable<string>;
  readonly queries: Iterable<Query>;
}

export const EVERYTHING = /* @__PURE__ */ new Topics(true);

/** Parses what somebody asks for. Throws `invalid_query`, `invalid_id`, `limit_exceeded`, ... */
export function parseTopics(data: unknown, limits: CommonLimits): Topics {
  if (!Array.isArray(data)) throw invalid("topics are a list");
  const topics: readonly unknown[] = data;
  const { topicsMax, topicIdsMax, queriesMax } = limits;
  if (topics.length > topicsMax + topicIdsMax) throw tooMany(topicsMax + topicIdsMax);
  const namespaces: string[] = [];
  const ids: ObjectId[] = [];
  const channels: string[] = [];
  const queries: Query[] = [];
  for (const topic of topics) {
    const [kind, value] = only(topic);
    if (kind === "id") ids.push(checkId(value, limits));
    else if (kind === "query") {
      // Before it is read, which takes a while with each.
      if (queries.length >= queriesMax) throw atMost("a client", queriesMax, "topics of a query");
      queries.push(parseQuery(value, limits));
    } else (kind === "namespace" ? namespaces : channels).push(checkId(value, limits));
  }
  if (topics.length - ids.length > topicsMax) throw tooMany(topicsMax);
  if (ids.length > topicIdsMax) throw atMost("a client", topicIdsMax, "topics of one id");
  return new Topics(false, { namespaces, ids, channels, queries });
}

/** The one thing that a topic names. */
function only(topic: unknown): [kind: (typeof KINDS)[number], value: unknown] {
  const entries = typeof topic === "object" && topic !== null ? Object.entries(topic) : [];
  const [kind, value] = entries[0] ?? [];
  const known = KINDS.find((name) => name === kind);
  if (entries.length !== 1 || known === undefined) {
    throw invalid("a topic has one of namespace, id, channel and query");
  }
  return [known, value];
}

function invalid(message: string): SyncError {
  return new SyncError("invalid_query", message);
}

function tooMany(max: number): SyncError {
  return atMost("a client", max, "topics");
}
