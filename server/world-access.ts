import type { Cursor } from "../lib/delta.ts";
import { SyncError } from "../lib/errors.ts";
import type { ServerLimits } from "../lib/limits.ts";
import type { SyncObject } from "../lib/object.ts";
import { collect, type Transaction } from "../lib/transaction.ts";
import { ChangesReading, type ChangesSince } from "./changes-reading.ts";
import type { SessionInfo } from "./session.ts";
import type { WorldHost } from "./world-host.ts";

/** What became of a write. */
export interface Written {
  /** The world as the write has left it, or found it. */
  readonly cursor: Cursor;
  /** Whether anything is different now. If so, `cursor.seq` is the revision of all that it changed. */
  readonly isChanged: boolean;
}

export interface CommitOptions {
  /** Only if the world is still at this cursor then: otherwise it fails with `out_of_date`. */
  readonly at?: Cursor | undefined;
}

export interface ChangesOptions {
  /** Only objects of this namespace. */
  readonly namespace?: string;
}

type WriteSteps = Pick<Transaction, "save" | "create" | "update" | "destroy">;

export interface WorldAccessOptions {
  readonly limits: ServerLimits;
  readonly newId: () => string;
  /** The world's host, once it is open. */
  readonly opening: () => WorldHost | Promise<WorldHost>;
  /** Who asks; undefined for the server's own code, which may do everything. */
  readonly identity?: { readonly of: unknown } | undefined;
  readonly world: string;
}

/**
 * A world as somebody may see and change it who has no connection, as who asks over HTTP: rules, checks,
 * `authorize` and handlers are asked as about a client's write.
 */
export class WorldAccess {
  readonly #options: WorldAccessOptions;
  readonly #sessionId: string;

  constructor(options: WorldAccessOptions) {
    this.#options = options;
    this.#sessionId = options.newId();
  }

  /** Whether all objects may be seen, with all their properties. */
  async seesAll(): Promise<boolean> {
    const host = await this.#options.opening();
    return this.#options.identity === undefined || host.permissions.isOpen;
  }

  /** Where the world is. */
  async cursor(): Promise<Cursor> {
    const host = await this.#options.opening();
    await host.readable();
    return { epoch: host.world.epoch, seq: host.world.seq };
  }

  /** The object as it is, a copy; undefined when there is none, or it may not be seen. */
  async get(id: string): Promise<SyncObject | undefined> {
    const host = await this.#options.opening();
    await host.readable();
    return this.#seen(host, host.world.get(id));
  }

  /**
   * Everything that `fill` writes takes effect as one commit, or nothing does. `get` gives `fill` the
   * objects as they are then; if they are not so any more when it is decided, it may be refused.
   */
  async commit(fill: (steps: WriteSteps) => void, { at }: CommitOptions = {}): Promise<Written> {
    checkCursor(at);
    const host = await this.#options.opening();
    const { limits, newId } = this.#options;
    const get = (id: string): SyncObject | undefined => host.world.get(id);
    const operations = collect(fill, limits, newId, get);
    const { seq, isChanged } = await host.write(operations, this.#writer(host), at);
    return { cursor: { epoch: host.world.epoch, seq }, isChanged };
  }

  /** What has changed since a cursor that an earlier answer gave; without one, all that there is. */
  async changesSince(cursor?: Cursor, { namespace }: ChangesOptions = {}): Promise<ChangesSince> {
    checkCursor(cursor);
    const host = await this.#options.opening();
    const { world, readTurns } = host;
    const mayEndUnrecorded = namespace === undefined || host.isEphemeral(namespace);
    const see = (object: SyncObject): SyncObject | undefined => this.#seen(host, object);
    const reading = new ChangesReading({ world, cursor, namespace, mayEndUnrecorded, see });
    host.readings.add(reading);
    try {
      for (;;) {
        do {
          await readTurns.next();
          await host.readable(); // what is being stored may still be taken back
        } while (readTurns.isOver);
        readTurns.spend(1);
        const answer = reading.goOn((looks) => {
          readTurns.spend(looks);
          return !readTurns.isOver;
        });
        if (answer !== undefined) return answer;
      }
    } finally {
      host.readings.delete(reading);
    }
  }

  #seen(host: WorldHost, object: SyncObject | null | undefined): SyncObject | undefined {
    if (object === null || object === undefined) return undefined;
    const { identity } = this.#options;
    const hidden = identity === undefined ? [] : host.permissions.hidden(identity.of, object);
    if (hidden === undefined) return undefined;
    const seen: Record<string, unknown> & { id: string } = { ...object };
    for (const name of hidden) Reflect.deleteProperty(seen, name);
    return seen as SyncObject;
  }

  #writer(host: WorldHost): SessionInfo | null {
    const { identity, world } = this.#options;
    if (identity === undefined) return null;
    const schemaVersion = host.versions.current;
    const id = this.#sessionId;
    return { id, world, identity: identity.of, client: id, schemaVersion };
  }
}

/** Checks a cursor that comes from an application. */
function checkCursor(cursor: unknown): void {
  if (cursor === undefined) return;
  const { epoch, seq } = Object(cursor) as Partial<Cursor>;
  if (typeof epoch === "string" && Number.isSafeInteger(seq)) return;
  throw new SyncError("invalid_payload", "a cursor is { epoch, seq }");
}
