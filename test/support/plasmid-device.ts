import type { Json } from "../../server/plugins/plasmid/index.ts";

interface Answer {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

type Update = [store: string, revision: number, key: string, value: Json, { deleted: true }?];

/** A device with Plasmid.js, as far as it is seen on the wire. */
export class PlasmidDevice {
  readonly data = new Map<string, Json>();
  lastRevision = 1;
  readonly #api: string;
  readonly #database: string;
  readonly #credentials: string;

  /** `api` as "http://localhost:8880/v1/". */
  constructor(api: string, database: string, access = "test", secret = "secret123") {
    this.#api = api;
    this.#database = database;
    this.#credentials = `Basic ${Buffer.from(`${access}:${secret}`).toString("base64")}`;
  }

  /** As its XMLHttpRequest: a body has no type but that of text. */
  async http(method: string, path: string, body?: unknown): Promise<Answer> {
    const response = await fetch(this.#api + path, {
      method,
      headers: { authorization: this.#credentials },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  }

  get(path: string): Promise<Answer> {
    return this.http("GET", `d/${encodeURIComponent(this.#database)}/${path}`);
  }

  /** What it has, on top of all that it has pulled. */
  async push(data: unknown, lastRevision = this.lastRevision): Promise<Answer["body"]> {
    const path = `d/${encodeURIComponent(this.#database)}/update/`;
    const { body } = await this.http("POST", path, { last_revision: lastRevision, data });
    if (body["error"] === undefined) this.lastRevision = body["revision"] as number;
    return body;
  }

  async pull(): Promise<Update[]> {
    const { body } = await this.get(`update/${this.lastRevision}`);
    const updates = body["updates"] as Update[];
    for (const [store, , key, value, note] of updates) {
      if (note?.deleted === true) this.data.delete(`${store}:${key}`);
      else this.data.set(`${store}:${key}`, value);
    }
    this.lastRevision = body["until"] as number;
    return updates;
  }
}
