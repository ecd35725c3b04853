import { persistenceSync } from "../../server/plugins/persistence-sync/index.ts";
import type { ServerOptions } from "../../server/index.ts";
import type { Stage } from "./stage.ts";

export type Item = Readonly<Record<string, unknown>> & { readonly id: string };

export interface Updates {
  readonly now: number;
  readonly reset?: true;
  readonly updates: readonly Item[];
}

export interface PostAnswer {
  readonly status: string;
  readonly now: number;
  readonly code?: string;
  readonly message?: string;
}

type Resources = Parameters<typeof persistenceSync>[0]["resources"];
type Headers = Readonly<Record<string, string>>;

export const TASKS: Resources = { "/tasks": { namespace: "task" } };

/** A client of one resource, as simple as can be: it asks, and keeps nothing. */
export class SyncResourceClient {
  readonly uri: string;
  readonly #headers: Headers;

  constructor(uri: string, headers: Headers = {}) {
    this.uri = uri;
    this.#headers = headers;
  }

  async get(since: number | string = 0): Promise<Updates> {
    const answer = await fetch(`${this.uri}?since=${String(since)}`, { headers: this.#headers });
    if (answer.status !== 200) throw new Error(`${String(answer.status)} ${await answer.text()}`);
    return (await answer.json()) as Updates;
  }

  /** By id, without `now`. */
  async items(since: number | string = 0): Promise<Record<string, Item>> {
    const { updates } = await this.get(since);
    return Object.fromEntries(updates.map((item) => [item.id, item]));
  }

  async post(items: unknown): Promise<PostAnswer & { readonly httpStatus: number }> {
    const headers = { "Content-Type": "application/json", ...this.#headers };
    const answer = await fetch(this.uri, {
      method: "POST",
      headers,
      body: JSON.stringify(items),
    });
    return { httpStatus: answer.status, ...((await answer.json()) as PostAnswer) };
  }
}

/** A server with these resources, and a client of the first. */
export async function serveResources(
  stage: Stage,
  resources: Resources = TASKS,
  options: ServerOptions = {},
  more: Partial<Parameters<typeof persistenceSync>[0]> = {},
) {
  const served = await stage.serve(options);
  served.sync.use(persistenceSync({ resources, ...more }));
  const [path = ""] = Object.keys(resources);
  const client = new SyncResourceClient(served.url + path);
  return { ...served, client, world: served.sync.world("default") };
}
