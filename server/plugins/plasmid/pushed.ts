import { badRequest } from "./refusal.ts";
import type { Json } from "./json-sca.ts";

/** What a push says of one object; null destroys it. */
export interface PushedItem {
  readonly id: string;
  readonly value: Json;
}

export interface Pushed {
  readonly lastRevision: number;
  readonly items: readonly PushedItem[];
}

/** The body of a push. Throws a refusal that says what is wrong with it. */
export function pushedOf(body: unknown): Pushed {
  if (!isFields(body)) throw badRequest("a push is an object { last_revision, data }");
  const { last_revision: lastRevision, data } = body;
  if (!Number.isSafeInteger(lastRevision) || Number(lastRevision) < 0) {
    throw badRequest("last_revision must be a whole number");
  }
  if (!isFields(data)) throw badRequest("data must be an object { store: { key: value } }");
  const items: PushedItem[] = [];
  // By their keys: of tens of thousands, `entries` takes three times as long.
  for (const store of Object.keys(data)) {
    const values = data[store];
    if (store === "" || store.includes(":")) {
      throw badRequest(`the name of a store must not be empty, nor have a colon: ${store}`);
    }
    if (!isFields(values)) throw badRequest(`data.${store} must be an object { key: value }`);
    for (const key of Object.keys(values)) {
      items.push({ id: `${store}:${key}`, value: values[key] as Json });
    }
  }
  return { lastRevision: Number(lastRevision), items };
}

/** The store and the key of an object; undefined when it is none of a store's. */
export function placeOf(id: string): readonly [store: string, key: string] | undefined {
  const colon = id.indexOf(":");
  return colon < 1 ? undefined : [id.slice(0, colon), id.slice(colon + 1)];
}

function isFields(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
