import type { HandlerCallback, Handlers } from "../../server/index.ts";

type Row = { readonly id: string } & Readonly<Record<string, unknown>>;
type Made = Readonly<Record<string, unknown>>;

/** An application's own database, tiny and in memory, and the handlers in front of it. */
export class Database {
  readonly rows = new Map<string, Row>();
  /** What it was asked to do, each as a line: "create", "update tree", "fetch a,b". */
  readonly calls: string[] = [];
  #lastId = 0;

  /** Handlers as node-object-sync had them: they answer through a callback, some time later. */
  withCallbacks(): Required<Handlers> {
    return {
      create: (object, _sessionId, callback: HandlerCallback<object>) => {
        setImmediate(() => callback(null, this.insert(object)));
      },
      update: (object, _sessionId, callback: HandlerCallback<object>) => {
        setImmediate(() => callback(null, this.replace(object)));
      },
      destroy: (id, _sessionId, callback) => {
        setImmediate(() => {
          this.remove(id);
          callback(null);
        });
      },
      fetch: (ids, _sessionId, callback) => {
        setImmediate(() => callback(null, this.find(ids)));
      },
    };
  }

  /** The same as async functions. */
  withPromises(): Required<Handlers> {
    return {
      create: async (object) => Promise.resolve(this.insert(object)),
      update: async (object) => Promise.resolve(this.replace(object)),
      destroy: async (id) => {
        await Promise.resolve();
        this.remove(id);
      },
      fetch: async (ids) => Promise.resolve(this.find(ids)),
    };
  }

  insert(object: Made): Row {
    this.calls.push("create");
    this.#lastId += 1;
    const row = { id: `row:${this.#lastId}`, ...object };
    this.rows.set(row.id, row);
    return row;
  }

  replace(object: Row): Row {
    this.calls.push(`update ${object.id}`);
    this.rows.set(object.id, object);
    return object;
  }

  remove(id: string): void {
    this.calls.push(`destroy ${id}`);
    this.rows.delete(id);
  }

  find(ids: readonly string[]): (Row | null)[] {
    this.calls.push(`fetch ${ids.join()}`);
    return ids.map((id) => this.rows.get(id) ?? null);
  }
}
