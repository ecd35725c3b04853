import { SyncError, type Cursor, type HostedWorld, type ObjectChange } from "../../index.ts";
import { DataSize } from "./data-size.ts";
import { placeOf, type Pushed, type PushedItem } from "./pushed.ts";
import { badRequest, Refusal } from "./refusal.ts";

/**
 * What each push changes, whatever else it does: so that each is one commit, and one revision. It has no
 * colon, and so is in no store.
 */
const PUSHES_ID = "plasmid";
/** The world is not as it was when the push was put together. */
const OUTRUN: ReadonlySet<string> = new Set(["out_of_date", "exists", "gone", "not_found"]);

/** store, revision, key, value; and a fifth where it was destroyed, which former clients do not read. */
type Update = readonly [string, number, string, unknown, { readonly deleted: true }?];

/**
 * One database of Plasmid Sync: a world, whose objects `store:key` have a `value`. Its revision is the
 * number of the world's commits and one more, whoever made them.
 */
export class Database {
  readonly #name: string;
  readonly #world: HostedWorld;
  readonly #size: DataSize;

  constructor(name: string, world: HostedWorld) {
    this.#name = name;
    this.#world = world;
    this.#size = new DataSize(world);
  }

  async info(): Promise<object> {
    return { name: this.#name, revision: revisionOf(await this.#cursor()) };
  }

  /** All values, each with its revision. */
  async clone(): Promise<object> {
    const { cursor, changes } = await this.#world.changesSince();
    const stores = new Map<string, Map<string, readonly [number, unknown]>>();
    for (const change of changes.filter(isThere)) {
      const update = updateOf(change);
      if (update === undefined) continue;
      const [store, revision, key, value] = update;
      const values = stores.get(store) ?? new Map<string, readonly [number, unknown]>();
      stores.set(store, values.set(key, [revision, value]));
    }
    const all = [...stores].map(([store, values]) => [store, Object.fromEntries(values)]);
    return { data: Object.fromEntries(all) as object, revision: revisionOf(cursor) };
  }

  /**
   * What has changed after a revision, oldest first. `whole` says that it is all that there is, and what
   * else somebody has is gone: the revision is of no world that this one remembers.
   */
  async updates(since: number): Promise<object> {
    const { epoch } = await this.#cursor();
    const seq = Math.max(0, since - 1);
    const { cursor, isWhole, changes } = await this.#world.changesSince({ epoch, seq });
    const isReplacing = isWhole && seq > 0;
    // Not what was created and destroyed since.
    const isNews = (change: ObjectChange): boolean => isThere(change) || change.created <= seq;
    const news = isReplacing ? changes : changes.filter(isNews);
    const updates = news.map(updateOf).filter((update) => update !== undefined);
    return { since, until: revisionOf(cursor), updates, ...(isReplacing && { whole: true }) };
  }

  /** Saves all of it as one commit, or nothing. */
  async push({ lastRevision, items }: Pushed, quota: string | undefined): Promise<object> {
    const at =
      quota === undefined
        ? await this.#cursor()
        : await this.#checkQuota(items, quota, lastRevision);
    if (revisionOf(at) !== lastRevision) throw outOfDate(at, lastRevision);
    if (items.length === 0) return { saved: 0, revision: lastRevision };
    try {
      const { cursor } = await this.#world.commit((tx) => this.#write(tx, items, at), { at });
      return { saved: items.length, revision: revisionOf(cursor) };
    } catch (error) {
      if (!(error instanceof SyncError) || !OUTRUN.has(error.code)) throw error;
      throw outOfDate(await this.#cursor(), lastRevision);
    }
  }

  #write(
    tx: Parameters<Parameters<HostedWorld["transaction"]>[0]>[0],
    items: readonly PushedItem[],
    at: Cursor,
  ): void {
    const isThere = (id: string): boolean => this.#world.get(id) !== undefined;
    const put = (object: { id: string } & Record<string, unknown>): unknown =>
      isThere(object.id) ? tx.update(object) : tx.create(object);
    put({ id: PUSHES_ID, at: revisionOf(at) });
    for (const { id, value } of items) {
      if (value !== null) put({ id, value });
      else if (isThere(id)) tx.destroy(id);
    }
  }

  async #checkQuota(
    items: readonly PushedItem[],
    quota: string,
    lastRevision: number,
  ): Promise<Cursor> {
    const { at, before, after } = await this.#size.measure(items);
    if (revisionOf(at) !== lastRevision) return at;
    const bytesMax = Number(quota === "" ? NaN : quota);
    // Who has too much already may make it less.
    if (after <= bytesMax || after <= before) return at;
    const error = `quota exceeded: ${String(after)} bytes, and ${quota} are allowed`;
    throw new Refusal(200, "quota", error, { saved: 0 });
  }

  /** Where the world is, as far as it is stored. */
  async #cursor(): Promise<Cursor> {
    const { cursor } = await this.#world.commit(() => undefined);
    return cursor;
  }
}

/** The revision that somebody asks for, of an address. */
export function checkRevision(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw badRequest(`a revision is a whole number, not ${text.slice(0, 50)}`);
}

function revisionOf({ seq }: Cursor): number {
  return seq + 1;
}

/** For devices: clients of object-sync may have objects without a value. */
function isThere({ object }: ObjectChange): boolean {
  return object?.["value"] !== undefined;
}

function updateOf({ id, object, revision }: ObjectChange): Update | undefined {
  const place = placeOf(id);
  if (place === undefined) return undefined;
  const [store, key] = place;
  const value = object?.["value"];
  if (value === undefined) {
    // As the published client can take it: a bare null would end its pull.
    return [store, revision + 1, key, { undefined: true }, { deleted: true }];
  }
  return [store, revision + 1, key, value];
}

function outOfDate(at: Cursor, lastRevision: number): Refusal {
  const [mine, theirs] = [String(revisionOf(at)), String(lastRevision)];
  const error = `Cannot update. Master has changed. It is at ${mine}, and this was made at ${theirs}`;
  return new Refusal(200, "outofdate", error, { saved: 0 });
}
