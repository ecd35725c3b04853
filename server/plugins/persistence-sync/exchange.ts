import {
  SyncError,
  type ChangesSince,
  type Cursor,
  type HostedWorld,
  type ObjectChange,
  type SyncObject,
  type WorldAccess,
} from "../../index.ts";
import { parseItems, toChanges, toItem, toRemoved, type PostedItem } from "./items.ts";
import type { Resource } from "./options.ts";
import { Sights } from "./sights.ts";
import { Stamps } from "./stamps.ts";

/** The answer to a GET. */
export interface Updates {
  readonly now: number;
  /** These are all objects: whatever else the client has, and has not written itself since, is gone. */
  readonly reset?: true;
  readonly updates: Iterable<Record<string, unknown>>;
}

export interface Posted {
  readonly status: "ok";
  readonly now: number;
}

/** A write may find that somebody else was faster so often, before it is given up. */
const ATTEMPTS = 5;
/** A cursor of no use: what is asked since it is everything, and what was destroyed. */
const NEVER: Cursor = { epoch: "", seq: 0 };

/** What clients get and post at one path, whatever it travels by. */
export class Exchange {
  readonly #world: HostedWorld;
  readonly #resource: Resource;
  readonly #sights: Sights;

  constructor(world: HostedWorld, resource: Resource, audiencesMax: number) {
    this.#world = world;
    this.#resource = resource;
    this.#sights = new Sights(resource, audiencesMax);
  }

  /** Who asks. What is wrong with the application's own code is told to it, and not to who asks. */
  async identityOf(authenticate: () => unknown): Promise<unknown> {
    try {
      return await authenticate();
    } catch (cause) {
      if (cause instanceof SyncError) throw cause;
      const error = new SyncError("unauthenticated", "who asks could not be told", { cause });
      this.#world.report(error);
      throw error;
    }
  }

  /** What has changed since a stamp; 0 is a client that has nothing. */
  async updatesSince(since: number, identity: unknown): Promise<Updates> {
    const access = this.#world.as(identity);
    const isNew = since === 0;
    const changed = await this.#changedSince(access, since);
    const seesAll = await access.seesAll();
    if (seesAll && this.#resource.matches === undefined) {
      return this.#answer(changed, isNew, () => true);
    }
    const sight = await this.#sights.of(identity, access);
    for (const { id, object } of changed.changes) {
      if (this.#shows(object)) sight.add(id, changed.cursor.seq);
    }
    const { seq } = new Stamps(changed.cursor.epoch).cursor(since);
    if (isNew || (!changed.isWhole && seq >= sight.start)) {
      return this.#answer(changed, isNew, (id) => sight.hasLost(id, seq));
    }
    // What this client may have was told by an earlier process. Of a filter, what does not match now may
    // have matched then; but the ids of what somebody may not see are not told on the chance.
    if (seesAll) return this.#answer(changed, isNew, () => true);
    const whole = changed.isWhole ? changed : await access.changesSince(NEVER, this.#resource);
    return this.#answer(whole, isNew, (id) => sight.knows(id));
  }

  /** Writes what was posted as one commit. Throws, and has changed nothing then. */
  async post(body: unknown, identity: unknown): Promise<Posted> {
    const items = parseItems(body, this.#resource);
    const access = this.#world.as(identity);
    if (items.length === 0) return this.#unchanged(await access.cursor());
    const isAllShown = this.#resource.matches === undefined && (await access.seesAll());
    const sight = isAllShown ? undefined : await this.#sights.of(identity, access);
    const ids = [...new Set(items.map(({ id }) => id))];
    await this.#world.fetch(ids);
    const isGone = (id: string): boolean => this.#world.isGone(id) && sight?.knows(id) !== false;
    const { cursor, isChanged } = await this.#write(access, items, ids, isGone);
    // What was to be removed may never have been there for them.
    for (const { id, isRemoved } of items) if (!isRemoved) sight?.add(id, cursor.seq);
    if (!isChanged) return this.#unchanged(cursor, await this.#formerCommit(ids));
    return { status: "ok", now: new Stamps(cursor.epoch).of(cursor.seq) };
  }

  #unchanged({ epoch, seq }: Cursor, former?: number): Posted {
    const stamps = new Stamps(epoch);
    return { status: "ok", now: former === undefined ? stamps.after(seq) : stamps.of(former) };
  }

  async #changedSince(access: WorldAccess, since: number): Promise<ChangesSince> {
    const { namespace } = this.#resource;
    if (since === 0) return access.changesSince(undefined, { namespace });
    const { epoch } = await access.cursor();
    return access.changesSince(new Stamps(epoch).cursor(since), { namespace });
  }

  #answer(
    { cursor, isWhole, changes }: ChangesSince,
    isNew: boolean,
    isToldGone: (id: string) => boolean,
  ): Updates {
    const stamps = new Stamps(cursor.epoch);
    const resource = this.#resource;
    const toUpdate = (change: ObjectChange): Record<string, unknown> | undefined => {
      const { id, object, revision } = change;
      if (this.#shows(object)) {
        return toItem(change, stamps.of(revision), resource);
      }
      return !isNew && isToldGone(id) ? toRemoved(id, resource) : undefined;
    };
    // A page without an order of its own shows what it gets in the order in which it came.
    const inOrder = [...changes].sort(byCreation);
    const updates = (function* () {
      for (const change of inOrder) {
        const update = toUpdate(change);
        if (update !== undefined) yield update;
      }
    })();
    const now = stamps.of(cursor.seq);
    return isWhole && !isNew ? { now, reset: true, updates } : { now, updates };
  }

  async #write(
    access: WorldAccess,
    items: readonly PostedItem[],
    ids: readonly string[],
    isGone: (id: string) => boolean,
  ): ReturnType<WorldAccess["commit"]> {
    for (let attempt = 1; ; attempt++) {
      // What a write is made of must not depend on what its writer may not see.
      const seen = new Map<string, SyncObject | undefined>();
      for (const id of ids) seen.set(id, await access.get(id));
      try {
        return await access.commit((steps) => this.#fill(steps, items, seen, isGone));
      } catch (error) {
        // Somebody else has created it meanwhile.
        const isRace = error instanceof SyncError && error.code === "exists";
        if (!isRace || attempt === ATTEMPTS) throw error;
      }
    }
  }

  #fill(
    steps: Parameters<Parameters<WorldAccess["commit"]>[0]>[0],
    items: readonly PostedItem[],
    seen: ReadonlyMap<string, SyncObject | undefined>,
    isGone: (id: string) => boolean,
  ): void {
    /** What the entries before have made of an object. */
    const fates = new Map<string, "there" | "removed">();
    for (const item of items) {
      const { id, isRemoved } = item;
      const object = seen.get(id);
      if (object !== undefined) this.#checkMatches(object);
      const isThere = fates.has(id) ? fates.get(id) === "there" : object !== undefined;
      if (isRemoved) {
        if (isThere) steps.destroy(id);
        fates.set(id, "removed");
        continue;
      }
      if (isThere) steps.update(toChanges(item, object));
      else if (fates.has(id) || !isGone(id)) steps.create(toChanges(item, undefined));
      else throw new SyncError("gone", `the object ${id} was destroyed`, { id });
      fates.set(id, "there");
    }
  }

  #shows(object: SyncObject | undefined): boolean {
    return object !== undefined && this.#resource.matches?.(object) !== false;
  }

  /** What does not match is not there, as far as this resource goes, and not to be written blindly. */
  #checkMatches(object: SyncObject): void {
    if (this.#shows(object)) return;
    const { id } = object;
    throw new SyncError("forbidden", "this resource does not have that object", { id });
  }

  /**
   * The commit that wrote all that was posted, when it is there as it was posted: the answer to an
   * earlier POST was lost, and the client asks what became of it. None if it wrote anything else: by the
   * stamp a client tells its own writes from those of others.
   */
  async #formerCommit(ids: readonly string[]): Promise<number | undefined> {
    const { changes } = await this.#world.changesSince(undefined, this.#resource);
    const posted = new Set(ids);
    const revisions = changes.filter(({ id }) => posted.has(id)).map(({ revision }) => revision);
    const [former] = revisions;
    if (former === undefined || revisions.some((revision) => revision !== former)) return undefined;
    const isOnlyIt = changes.every(({ id, revision }) => revision !== former || posted.has(id));
    return isOnlyIt ? former : undefined;
  }
}

function byCreation(one: ObjectChange, other: ObjectChange): number {
  return one.created - other.created || (one.id < other.id ? -1 : 1);
}
