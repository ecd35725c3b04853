import type { Change, Delta } from "../../lib/delta.ts";
import type { Limits } from "../../lib/limits.ts";
import {
  textBytes,
  valueBytes,
  type Changes,
  type ObjectId,
  type Value,
} from "../../lib/object.ts";
import type { Operation } from "../../lib/operation.ts";
import { canonical } from "./canonical.ts";

/** What a replica has: by handle, each object's id and properties. */
export type Copy = Map<number, { readonly id: string; readonly properties: Map<string, Value> }>;

interface NaiveProperty {
  /** Undefined was removed. */
  value: Value | undefined;
  revision: number;
}

interface NaiveObject {
  readonly id: string;
  readonly handle: number;
  readonly created: number;
  revision: number;
  /** Among those of one revision, the order in which they were touched. */
  turn: number;
  forgotten: number;
  destroyedAt: number | undefined;
  properties: Map<string, NaiveProperty>;
}

function cloned(object: NaiveObject): NaiveObject {
  const properties = [...object.properties].map(
    ([name, property]) => [name, { ...property }] as const,
  );
  return { ...object, properties: new Map(properties) };
}

/** A world as its documentation has it: every question is answered by looking at everything. */
export class NaiveWorld {
  readonly #limits: Limits;
  #objects: NaiveObject[] = [];
  #turn = 0;
  seq = 0;
  horizon = 0;
  nextHandle = 1;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  clone(): NaiveWorld {
    const copy = new NaiveWorld(this.#limits);
    copy.#objects = this.#objects.map(cloned);
    copy.#turn = this.#turn;
    copy.seq = this.seq;
    copy.horizon = this.horizon;
    copy.nextHandle = this.nextHandle;
    return copy;
  }

  /** Applies all or nothing; gives back the code of what is wrong, if anything is. */
  commit(operations: readonly Operation[], now: number): string | undefined {
    const before = this.#objects.map(cloned);
    const { nextHandle } = this;
    let isChanged = false;
    for (const operation of operations) {
      const result = this.#apply(operation, now);
      if (typeof result === "string") {
        this.#objects = before;
        this.nextHandle = nextHandle;
        return result;
      }
      isChanged ||= result;
    }
    if (isChanged) this.seq += 1;
    return undefined;
  }

  prune(now: number): void {
    const tombstones = this.#inOrder().filter((object) => object.destroyedAt !== undefined);
    const excess = tombstones.length - this.#limits.tombstonesMax;
    for (const [i, tombstone] of tombstones.entries()) {
      const age = now - (tombstone.destroyedAt ?? 0);
      if (i >= excess && age <= this.#limits.tombstoneAgeMs) continue;
      this.#objects.splice(this.#objects.indexOf(tombstone), 1);
      this.horizon = Math.max(this.horizon, tombstone.revision);
    }
  }

  /** A store knows neither the order within a commit nor when something was destroyed. */
  restart(now: number): void {
    const sorted = [...this.#objects].sort(
      (a, b) => a.revision - b.revision || b.handle - a.handle,
    );
    for (const object of sorted) {
      object.turn = ++this.#turn;
      if (object.destroyedAt !== undefined) object.destroyedAt = now;
    }
  }

  idOf(handle: number): string | undefined {
    return this.#objects.find((object) => object.handle === handle)?.id;
  }

  isGone(id: string): boolean {
    return this.#latest(id) !== undefined && this.#live(id) === undefined;
  }

  copy(): Copy {
    const copy: Copy = new Map();
    for (const object of this.#objects) {
      if (object.destroyedAt !== undefined) continue;
      const properties = new Map<string, Value>();
      for (const [name, { value }] of object.properties) {
        if (value !== undefined) properties.set(name, value);
      }
      copy.set(object.handle, { id: object.id, properties });
    }
    return copy;
  }

  /** The changes after `base`, each as a text. */
  since(base: number): string[] {
    const changes: string[] = [];
    for (const object of this.#inOrder()) {
      const { handle, id, created, revision, forgotten, destroyedAt, properties } = object;
      if (revision <= base) continue;
      if (destroyedAt !== undefined) {
        if (created <= base) changes.push(`destroy ${handle}`);
        continue;
      }
      const isWhole = created > base || forgotten > base;
      const shown = [...properties].filter(([, property]) =>
        isWhole ? property.value !== undefined : property.revision > base,
      );
      const fields = new Map(shown.map(([name, { value }]) => [name, value]));
      changes.push(`${isWhole ? `create ${id}` : "update"} ${handle} ${fieldsText(fields)}`);
    }
    return changes;
  }

  #inOrder(): NaiveObject[] {
    return [...this.#objects].sort((a, b) => a.revision - b.revision || a.turn - b.turn);
  }

  #latest(id: string): NaiveObject | undefined {
    return this.#objects.filter((object) => object.id === id).at(-1);
  }

  #live(id: string): NaiveObject | undefined {
    const latest = this.#latest(id);
    return latest?.destroyedAt === undefined ? latest : undefined;
  }

  #apply(operation: Operation, now: number): boolean | string {
    const { id } = operation;
    const latest = this.#latest(id);
    const live = this.#live(id);
    if (operation.kind === "create") {
      if (live !== undefined) return "exists";
      return this.#create(id, operation.properties);
    }
    if (latest === undefined) return "not_found";
    if (operation.kind === "update") {
      return live === undefined ? "gone" : this.#update(live, operation.changes);
    }
    if (live === undefined) return false;
    live.properties = new Map();
    live.destroyedAt = now;
    this.#touch(live);
    return true;
  }

  #create(id: ObjectId, given: Readonly<Record<string, Value>>): boolean | string {
    const revision = this.seq + 1;
    const properties = new Map<string, NaiveProperty>();
    for (const [name, value] of Object.entries(given)) properties.set(name, { value, revision });
    const problem = this.#problem(id, properties);
    if (problem !== undefined) return problem;
    const handle = this.nextHandle++;
    const turn = ++this.#turn;
    const created = revision;
    const destroyedAt = undefined;
    this.#objects.push({
      id,
      handle,
      created,
      revision,
      turn,
      forgotten: 0,
      destroyedAt,
      properties,
    });
    return true;
  }

  #update(object: NaiveObject, changes: Changes): boolean | string {
    const revision = this.seq + 1;
    const { properties } = cloned(object);
    let isChanged = false;
    for (const [name, value] of Object.entries(changes)) {
      if (canonical(properties.get(name)?.value) === canonical(value)) continue;
      properties.set(name, { value, revision });
      isChanged = true;
    }
    if (!isChanged) return false;
    const problem = this.#problem(object.id, properties);
    if (problem !== undefined) return problem;
    object.properties = properties;
    this.#forgetRemoved(object);
    this.#touch(object);
    return true;
  }

  #touch(object: NaiveObject): void {
    object.revision = this.seq + 1;
    object.turn = ++this.#turn;
  }

  #forgetRemoved(object: NaiveObject): void {
    const removed = [...object.properties.values()]
      .filter(({ value }) => value === undefined)
      .map(({ revision }) => revision)
      .sort((a, b) => b - a);
    const { removedPropertiesMax } = this.#limits;
    if (removed.length <= removedPropertiesMax) return;
    object.forgotten = removed[Math.floor(removedPropertiesMax / 2)] ?? 0;
    for (const [name, { value, revision }] of object.properties) {
      if (value === undefined && revision <= object.forgotten) object.properties.delete(name);
    }
  }

  #problem(id: string, properties: ReadonlyMap<string, NaiveProperty>): string | undefined {
    let count = 0;
    let bytes = textBytes("id") + valueBytes(id);
    for (const [name, { value }] of properties) {
      if (value === undefined) continue;
      count += 1;
      bytes += textBytes(name) + valueBytes(value);
    }
    if (count > this.#limits.propertiesPerObjectMax) return "limit_exceeded";
    return bytes > this.#limits.objectBytesMax ? "too_large" : undefined;
  }
}

export function cloneCopy(copy: Copy | undefined): Copy {
  const objects = [...(copy ?? [])].map(
    ([handle, { id, properties }]) => [handle, { id, properties: new Map(properties) }] as const,
  );
  return new Map(objects);
}

/** Applies a delta as PROTOCOL.md tells a replica to. */
export function applyTo(copy: Copy, { changes }: Delta): void {
  for (const change of changes) {
    if (change.kind === "destroy") {
      copy.delete(change.handle);
      continue;
    }
    let object = copy.get(change.handle);
    if (change.kind === "create") {
      for (const [handle, other] of copy) if (other.id === change.id) copy.delete(handle);
      object = { id: change.id, properties: new Map() };
      copy.set(change.handle, object);
    }
    if (object === undefined) continue;
    for (const [i, name] of change.shape.names.entries()) {
      const value = change.values[i];
      if (value === undefined) object.properties.delete(name);
      else object.properties.set(name, value);
    }
  }
}

export function copyText(copy: Copy): string {
  const objects = [...copy].sort(([a], [b]) => a - b);
  return objects
    .map(([handle, { id, properties }]) => `${handle} ${id} ${fieldsText(properties)}`)
    .join("\n");
}

export function changeText(change: Change): string {
  if (change.kind === "destroy") return `destroy ${change.handle}`;
  const fields = new Map(change.shape.names.map((name, i) => [name, change.values[i]]));
  expectDistinct(fields.size, change.shape.names.length);
  const what = change.kind === "create" ? `create ${change.id}` : "update";
  return `${what} ${change.handle} ${fieldsText(fields)}`;
}

function expectDistinct(size: number, length: number): void {
  if (size !== length) throw new Error("a change names a property twice");
}

function fieldsText(fields: ReadonlyMap<string, Value | undefined>): string {
  const names = [...fields.keys()].sort();
  return names.map((name) => `${JSON.stringify(name)}=${canonical(fields.get(name))}`).join();
}
