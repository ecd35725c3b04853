import type { Commit, World } from "../../lib/world.ts";
import { handleIn } from "./audit.ts";
import type { PlainObject } from "./plain-object.ts";

/** An object, or what there is to say of one that has ended. */
export interface Known {
  readonly id: string;
  readonly isThere: boolean;
  readonly object: PlainObject;
  readonly created: number;
  /** When it was destroyed; 0 while it is there. */
  readonly ended: number;
  /** Which commit wrote each property last, also of those that were removed. */
  readonly revisions: ReadonlyMap<string, number>;
  /** The world may not know by itself which properties were removed up to here. */
  readonly forgotten: number;
}

/** Who wrote what in one world, for as long as one server has it. */
export class History {
  readonly #world: World;
  /** What was before it is not known: it is judged by nobody. */
  readonly #first: Commit;
  readonly #known = new Map<string, Known>();
  #hasTakenBack = false;
  readonly #writers = new Map<number, string>();
  /** Up to which commit each client has said that it had heard of its own. */
  readonly #disclaimed = new Map<string, number>();
  /** By commit, from the first: what there was before of all that it changed. */
  readonly #before: { readonly seq: number; readonly was: Map<string, Known | undefined> }[] = [];

  /** Begins with what is there with the first commit that is heard of. */
  constructor(world: World, first: Commit) {
    this.#world = world;
    for (const { id, object, created, revision, shape, revisions, forgotten } of world.entries()) {
      const names = shape.names.map((name, i) => [name, revisions[i] ?? 0] as const);
      this.#known.set(id, {
        id,
        isThere: object !== null,
        object: { ...object, id },
        created,
        ended: object === null ? revision : 0,
        revisions: new Map(names),
        forgotten,
      });
    }
    this.#first = first;
  }

  /** The id of an object that is named by its handle. */
  idOf(name: string): string {
    const handle = handleIn(name);
    return handle === undefined ? name : (this.#world.idOf(handle) ?? name);
  }

  known(id: string, isBeforeLast: boolean): Known | undefined {
    const last = this.#before.at(-1);
    const isOfLast = isBeforeLast && last?.seq === this.#world.seq && last.was.has(id);
    return isOfLast ? last.was.get(id) : this.#known.get(id);
  }

  *all(isBeforeLast: boolean): IterableIterator<Known> {
    for (const id of this.#known.keys()) {
      const known = this.known(id, isBeforeLast);
      if (known !== undefined) yield known;
    }
  }

  /** Whether the world knows that there was such an object; a handler may have made another by now. */
  remembersEnd(id: string, ended: number): boolean {
    const entry = this.#world.entry(id);
    return entry !== undefined && (entry.object === null || ended > this.#world.horizon);
  }

  writer(seq: number): string | undefined {
    return this.#writers.get(seq);
  }

  isDisclaimed(clientId: string, seq: number): boolean {
    return seq <= (this.#disclaimed.get(clientId) ?? 0);
  }

  isFirst(commit: Commit): boolean {
    return commit === this.#first;
  }

  add({ seq, applied }: Commit): void {
    if (applied.length === 0) return;
    const was = new Map<string, Known | undefined>();
    this.#before.push({ seq, was });
    this.#writers.delete(seq);
    for (const effect of applied) {
      const { id } = effect.entry;
      const known = this.#known.get(id);
      if (!was.has(id)) was.set(id, known);
      const object = { ...(effect.kind === "destroy" ? { id } : known?.object), id } as PlainObject;
      if (effect.kind === "create") {
        const now = { ...effect.object } as PlainObject; // later steps may have changed it already
        const revisions = new Map(Object.keys(now).map((name) => [name, seq] as const));
        const created = { id, isThere: true, object: now, created: seq, ended: 0 };
        this.#known.set(id, { ...created, revisions, forgotten: 0 });
      } else if (effect.kind === "destroy") {
        const created = known?.created ?? seq;
        const ended = { id, isThere: false, object, created, ended: seq };
        this.#known.set(id, { ...ended, revisions: new Map(), forgotten: 0 });
      } else if (known !== undefined) {
        const revisions = new Map(known.revisions);
        const now: Record<string, unknown> = { ...object };
        for (const [name, value] of Object.entries(effect.changed)) {
          revisions.set(name, seq);
          if (value === undefined) Reflect.deleteProperty(now, name);
          else now[name] = value;
        }
        const { forgotten } = effect.entry;
        this.#known.set(id, { ...known, object: { ...now, id }, revisions, forgotten });
      }
    }
  }

  /** The last commit was this client's, which had seen all up to `seen` when it wrote. */
  claim(clientId: string, seen: number): void {
    this.#writers.set(this.#world.seq, clientId);
    this.#disclaimed.set(clientId, Math.max(seen, this.#disclaimed.get(clientId) ?? 0));
  }

  /** Whether something was taken back: who asked before that was told of what never was. */
  get hasTakenBack(): boolean {
    return this.#hasTakenBack;
  }

  /** The last commit never was. Tells whether it is known what was before it. */
  takeBack(): boolean {
    this.#hasTakenBack = true;
    const last = this.#before.pop();
    if (last === undefined) return false;
    for (const [id, known] of last.was) {
      if (known === undefined) this.#known.delete(id);
      else this.#known.set(id, known);
    }
    return true;
  }
}
