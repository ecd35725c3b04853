import { NOTHING_HIDDEN } from "../lib/entry.ts";
import { SyncError } from "../lib/errors.ts";
import { namespaceOf, type Changes, type SyncObject } from "../lib/object.ts";
import type { DestroyOperation, UpdateOperation } from "../lib/operation.ts";
import type { Topics } from "../lib/topics.ts";
import type { Audience } from "./audience.ts";
import { isStrayPromise } from "./thenable.ts";

/** Methods, so that a rule may say of which types its identities and objects are: nothing checks that. */
interface Questions {
  may(identity: unknown, object: SyncObject): boolean;
  mayUpdate(identity: unknown, object: SyncObject, changes: Changes): boolean;
}

/** Yes, no, or it depends: on who asks, and on the object as it is (or, to create, as it would be). */
export type Permission = boolean | Questions["may"];

/** The same for a change; `changes` are the properties that are written, undefined where one goes. */
export type UpdatePermission = boolean | Questions["mayUpdate"];

/** Who may do what with the objects of a namespace. What is not said, nobody may. */
export interface Rule {
  readonly read?: Permission;
  readonly create?: Permission;
  readonly update?: UpdatePermission;
  readonly destroy?: Permission;
  /** Properties that not everyone may read, or write, who may the object. What is not said, they may. */
  readonly properties?: Readonly<Record<string, PropertyRule>>;
}

export interface PropertyRule {
  readonly read?: Permission;
  readonly write?: Permission;
}

/** By namespace: what stands before the colon in an object's id. `"*"` is for all that are not named. */
export type Rules = Readonly<Record<string, Rule>>;

const OTHERS = "*";
const NOBODY: Rule = {};
const PERMISSIONS = ["read", "create", "update", "destroy"] as const;
const PROPERTY_PERMISSIONS = ["read", "write"] as const;
/** Identities that take more than this as JSON are not compared: each session is an audience. */
const IDENTITY_UNITS_MAX = 4_096;

/**
 * Who may see and do what, decided in one place. It is the same for what is broadcast, for a snapshot,
 * what was missed, a fetch, and what is written. Without rules, everyone may do everything.
 */
export class Permissions {
  readonly #onError: (error: SyncError) => void;
  #rules: ReadonlyMap<string, Rule> | undefined;
  #isOpen = true;
  /** Whether who may see what depends on who asks. */
  #isPersonal = false;
  /** Of each rule, the properties that are not for everyone. */
  #notForAll: ReadonlyMap<Rule, readonly string[]> = new Map();
  /** Properties that nobody may read of any object. */
  #unreadable: ReadonlySet<string> = new Set();

  constructor(rules: Rules | undefined, onError: (error: SyncError) => void) {
    this.#onError = onError;
    this.change(rules);
  }

  /** Others from now on. Whoever calls sees to it that nobody goes on with what the former allowed. */
  change(rules: Rules | undefined): void {
    this.#rules = rules && new Map(Object.entries(rules));
    const all = [...(this.#rules?.values() ?? [])];
    this.#notForAll = new Map(all.map((rule) => [rule, notForAll(rule)]));
    this.#unreadable = unreadableOf(all);
    const reads = all.flatMap(readsOf);
    this.#isOpen = rules === undefined || (OTHERS in rules && reads.every((read) => read === true));
    this.#isPersonal = reads.some((read) => typeof read === "function");
  }

  /** Whether everyone may see everything. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Whether there are rules: without, everyone may do everything. */
  get areGiven(): boolean {
    return this.#rules !== undefined;
  }

  /** Whether everyone may see everything of these, so that it is no secret that one was destroyed. */
  isPublic(id: string): boolean {
    return this.#rules === undefined || this.#rule(id).read === true;
  }

  /** Whether it depends on what an object is like who may see it. */
  isDynamic(id: string): boolean {
    return readsOf(this.#rule(id)).some((read) => typeof read === "function");
  }

  audience(identity: unknown, sessionId: string): Audience {
    const keyNow = (): string => (this.#isPersonal ? audienceKey(identity, sessionId) : "");
    const key = keyNow();
    return {
      key,
      hasChanged: () => keyNow() !== key,
      mayHide: (id) => this.mayHide(id),
      hidden: (object) => this.hidden(identity, object),
    };
  }

  /** The properties that are hidden from somebody of some objects like this one. */
  mayHide(id: string): readonly string[] {
    return this.#notForAll.get(this.#rule(id)) ?? NOTHING_HIDDEN;
  }

  /** Whether a property may be hidden where it depends on what an object is like who may see what; or anywhere. */
  mayHideAny(isAnywhere: boolean): boolean {
    for (const [rule, names] of this.#notForAll) {
      if (names.length === 0) continue;
      if (isAnywhere || readsOf(rule).some((read) => typeof read === "function")) return true;
    }
    return false;
  }

  /** Throws `forbidden` when a query asks about what nobody may ever read. */
  judgeTopics({ queries }: Topics): void {
    if (this.#unreadable.size === 0) return;
    for (const property of queries.flatMap(({ names }) => [...names])) {
      if (!this.#unreadable.has(property)) continue;
      throw new SyncError("forbidden", `nobody may read ${property}`, { property });
    }
  }

  /** The properties of an object that are hidden from somebody; undefined when all of it is. */
  hidden(identity: unknown, object: SyncObject): readonly string[] | undefined {
    if (this.#rules === undefined) return NOTHING_HIDDEN;
    const { read, properties } = this.#rule(object.id);
    if (!this.#allows(read ?? false, identity, object, undefined, "read")) return undefined;
    if (properties === undefined) return NOTHING_HIDDEN;
    let hidden: string[] | undefined;
    for (const [name, { read: isReadable = true }] of Object.entries(properties)) {
      if (isReadable === true) continue;
      if (!this.#allows(isReadable, identity, object, undefined, `read ${name}`)) {
        (hidden ??= []).push(name);
      }
    }
    return hidden ?? NOTHING_HIDDEN;
  }

  /** Throws `forbidden` unless the object may be created like this. */
  judgeCreate(identity: unknown, object: SyncObject, names = Object.keys(object)): void {
    if (this.#rules === undefined) return;
    const { create = false, properties } = this.#rule(object.id);
    this.#demand(create, identity, object, undefined, "create");
    this.#judgeNames(properties, names, identity, object);
  }

  /** Throws `forbidden` unless the object may be changed like this. */
  judgeUpdate(identity: unknown, object: SyncObject, changes: Changes): void {
    if (this.#rules === undefined) return;
    const { update = false, properties } = this.#rule(object.id);
    this.#demand(update, identity, object, changes, "update");
    this.#judgeNames(properties, Object.keys(changes), identity, object);
  }

  /** Throws `forbidden` unless the object may be destroyed. */
  judgeDestroy(identity: unknown, object: SyncObject): void {
    if (this.#rules === undefined) return;
    this.#demand(this.#rule(object.id).destroy ?? false, identity, object, undefined, "destroy");
  }

  /**
   * Whether everyone may do this, whatever the object is like. So it must be where the world does not hold
   * it: the application's database may.
   */
  allowsUnseen(operation: UpdateOperation | DestroyOperation): boolean {
    const { update, destroy, properties = {} } = this.#rule(operation.id);
    if (operation.kind === "destroy") return destroy === true;
    const isFree = (name: string): boolean => {
      const { read = true, write = true } = propertyRuleOf(properties, name);
      return read === true && write === true;
    };
    return update === true && Object.keys(operation.changes).every(isFree);
  }

  #judgeNames(
    properties: Rule["properties"],
    names: readonly string[],
    identity: unknown,
    object: SyncObject,
  ): void {
    if (properties === undefined) return;
    for (const name of names) {
      const { read = true, write = true } = propertyRuleOf(properties, name);
      const isAllowed =
        this.#allows(read, identity, object, undefined, `read ${name}`) &&
        this.#allows(write, identity, object, undefined, `write ${name}`);
      if (isAllowed) continue;
      throw new SyncError("forbidden_field", `this client may not write ${name}`, {
        id: object.id,
        property: name,
      });
    }
  }

  #demand(
    permission: Permission | UpdatePermission,
    identity: unknown,
    object: SyncObject,
    changes: Changes | undefined,
    what: string,
  ): void {
    if (this.#allows(permission, identity, object, changes, what)) return;
    throw new SyncError("forbidden", "this client may not do that", { id: object.id });
  }

  #rule(id: string): Rule {
    return this.#rules?.get(namespaceOf(id)) ?? this.#rules?.get(OTHERS) ?? NOBODY;
  }

  /** A rule that fails, or answers anything but yes or no, is a no, and the application hears of it. */
  #allows(
    permission: Permission | UpdatePermission,
    identity: unknown,
    object: SyncObject,
    changes: Changes | undefined,
    what: string,
  ): boolean {
    if (typeof permission === "boolean") return permission;
    const { id } = object;
    try {
      const answer: unknown = permission(identity, object, changes ?? {});
      if (typeof answer === "boolean") return answer;
      const kind = isStrayPromise(answer)
        ? "a promise: it cannot be async"
        : "neither true nor false";
      this.#onError(new SyncError("handler_failed", `the rule to ${what} answers ${kind}`, { id }));
    } catch (cause) {
      this.#onError(new SyncError("handler_failed", `the rule to ${what} failed`, { id, cause }));
    }
    return false;
  }
}

function propertyRuleOf(properties: NonNullable<Rule["properties"]>, name: string): PropertyRule {
  return (Object.hasOwn(properties, name) ? properties[name] : undefined) ?? {};
}

function readsOf({ read = false, properties = {} }: Rule): Permission[] {
  return [read, ...Object.values(properties).map(({ read: isReadable = true }) => isReadable)];
}

function notForAll({ properties = {} }: Rule): readonly string[] {
  const names = Object.keys(properties).filter((name) => (properties[name]?.read ?? true) !== true);
  return names.length === 0 ? NOTHING_HIDDEN : names;
}

/** An object whose rule does not name a property may have it, for all to read who may the object. */
function unreadableOf(rules: readonly Rule[]): ReadonlySet<string> {
  const readable = rules.filter(({ read = false }) => read !== false);
  const isHidden = (name: string) => (rule: Rule) => rule.properties?.[name]?.read === false;
  const names = readable.flatMap(({ properties = {} }) => Object.keys(properties));
  return new Set(names.filter((name) => readable.every(isHidden(name))));
}

/** Equal for identities that are equal as data; who has none that can be compared is alone. */
function audienceKey(identity: unknown, sessionId: string): string {
  if (identity === undefined) return "nobody";
  const text = isPlain(identity) ? JSON.stringify(identity) : undefined;
  return text !== undefined && text.length <= IDENTITY_UNITS_MAX ? text : `session ${sessionId}`;
}

function isPlain(identity: unknown): boolean {
  if (typeof identity !== "object" || identity === null) return isScalar(identity);
  const isPlainObject = Object.getPrototypeOf(identity) === Object.prototype;
  return isPlainObject && Object.values(identity).every((one) => isScalar(one) || isScalars(one));
}

function isScalars(value: unknown): boolean {
  return Array.isArray(value) && value.every(isScalar);
}

/** What JSON tells from all else: it writes NaN as null. */
function isScalar(value: unknown): boolean {
  if (typeof value === "number") return Number.isFinite(value);
  return value === null || typeof value === "string" || typeof value === "boolean";
}

/** Checks what an application gives as `rules`. Throws `bad_option`, naming the rule. */
export function checkRules(rules: unknown): Rules {
  const named = entriesOf(rules, "rules must be an object of rules by namespace");
  for (const [namespace, rule] of named) {
    const what = `rules[${JSON.stringify(namespace)}]`;
    // It would be asked about nothing, and others let what it forbids.
    if (namespace.includes(":"))
      throw badRule(`${what} must be called as a namespace, without colon`);
    for (const [name, value] of entriesOf(rule, `${what} must be an object`)) {
      if (name === "properties") checkProperties(value, what);
      else checkPermission(value, name, PERMISSIONS, what);
    }
  }
  return rules as Rules;
}

function checkProperties(properties: unknown, what: string): void {
  for (const [property, rule] of entriesOf(properties, `${what}.properties must be an object`)) {
    const where = `${what}.properties[${JSON.stringify(property)}]`;
    if (property === "id") throw badRule(`${where} cannot be: who sees an object sees its id`);
    for (const [name, value] of entriesOf(rule, `${where} must be an object`)) {
      checkPermission(value, name, PROPERTY_PERMISSIONS, where);
    }
  }
}

function checkPermission(
  value: unknown,
  name: string,
  names: readonly string[],
  where: string,
): void {
  if (!names.includes(name)) throw badRule(`${where} has no ${name}: it has ${names.join(", ")}`);
  if (typeof value === "boolean" || typeof value === "function") return;
  throw badRule(`${where}.${name} must be true, false or a function`);
}

function entriesOf(value: unknown, otherwise: string): [string, unknown][] {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return Object.entries(value);
  }
  throw badRule(otherwise);
}

function badRule(message: string): SyncError {
  return new SyncError("bad_option", message, { property: "rules" });
}
