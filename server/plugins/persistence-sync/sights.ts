import type { ChangesSince, Cursor, WorldAccess } from "../../index.ts";
import type { Resource } from "./options.ts";

/** A cursor of no use: what is asked since it is everything, and what was destroyed. */
const NEVER: Cursor = { epoch: "", seq: 0 };
/** Ids that are known may be so many more than there were, before those that are forgotten are dropped. */
const SLACK = 1_000;

/** Of an object that they have. */
interface Known {
  /** The commit up to which they were told of it, or which they have made themselves. */
  readonly toldAt: number;
  /** The one since which it is not there for them; undefined while it is. */
  readonly lostAt?: number;
}

/**
 * Which objects one audience of a resource may have been shown since `start`. So who must be told that
 * something is not there any more is told so, and nobody learns an id of what was never to be seen.
 */
export class Sight {
  readonly start: number;
  readonly #resource: Resource;
  #known = new Map<string, Known>();
  #at: Cursor;
  #knownMax = 0;

  private constructor(resource: Resource, { cursor, changes }: ChangesSince) {
    this.#resource = resource;
    this.#at = cursor;
    this.start = cursor.seq;
    this.#meet(changes);
    this.#knownMax = 2 * this.#known.size + SLACK;
  }

  static async open(resource: Resource, access: WorldAccess): Promise<Sight> {
    const { namespace } = resource;
    return new Sight(resource, await access.changesSince(NEVER, { namespace }));
  }

  async advance(access: WorldAccess): Promise<void> {
    const { namespace } = this.#resource;
    const isFull = this.#known.size > this.#knownMax;
    const news = await access.changesSince(isFull ? NEVER : this.#at, { namespace });
    if (news.cursor.seq < this.#at.seq) return; // somebody else was faster
    this.#at = news.cursor;
    this.#meet(news.changes);
    if (!isFull) return;
    const remembered = new Set(news.changes.map(({ id }) => id));
    this.#known = new Map([...this.#known].filter(([id]) => remembered.has(id)));
    this.#knownMax = 2 * this.#known.size + SLACK;
  }

  /** Whoever wrote an object has it, whether it is shown to them or not; as has who was told of it. */
  add(id: string, seq: number): void {
    this.#known.set(id, { toldAt: seq });
  }

  knows(id: string): boolean {
    return this.#known.has(id);
  }

  /** Whether who has got as far as this commit is to be told that an object is not there any more. */
  hasLost(id: string, seq: number): boolean {
    const known = this.#known.get(id);
    return known !== undefined && (known.lostAt === undefined || known.lostAt > seq);
  }

  #meet(changes: ChangesSince["changes"]): void {
    const { matches } = this.#resource;
    for (const { id, object, revision } of changes) {
      if (object !== undefined && matches?.(object) !== false) this.add(id, revision);
      else this.#lose(id, revision);
    }
  }

  /** Once: what it is like out of their sight, and when that changes, is not for them. */
  #lose(id: string, revision: number): void {
    const known = this.#known.get(id);
    if (known === undefined || known.lostAt !== undefined || revision <= known.toldAt) return;
    this.#known.set(id, { ...known, lostAt: revision });
  }
}

/** The sights of one resource, by audience; of those that were used last. */
export class Sights {
  readonly #resource: Resource;
  readonly #sightsMax: number;
  readonly #sights = new Map<string, Promise<Sight>>();

  constructor(resource: Resource, sightsMax: number) {
    this.#resource = resource;
    this.#sightsMax = sightsMax;
  }

  /** As it is now. Who is as this identity shares it. */
  async of(identity: unknown, access: WorldAccess): Promise<Sight> {
    const key = keyOf(identity);
    if (key === undefined) return Sight.open(this.#resource, access);
    const opening = this.#sights.get(key) ?? Sight.open(this.#resource, access);
    this.#sights.delete(key);
    this.#sights.set(key, opening);
    const [oldest] = this.#sights.keys();
    if (this.#sights.size > this.#sightsMax && oldest !== undefined) this.#sights.delete(oldest);
    try {
      const sight = await opening;
      await sight.advance(access);
      return sight;
    } catch (error) {
      this.#sights.delete(key); // of a world that was not open
      throw error;
    }
  }
}

/** One identity is told from another by its `id`, or all that it is; undefined when that cannot be. */
function keyOf(identity: unknown): string | undefined {
  const { id } = Object(identity) as { id?: unknown };
  const isNamed = typeof id === "string" || typeof id === "number";
  try {
    return identity === undefined ? "nobody" : JSON.stringify(isNamed ? { id } : identity);
  } catch {
    return undefined;
  }
}
