import { namespaceOf, type SyncObject } from "../../lib/object.ts";
import type { Permission, PropertyRule, Rule, Rules } from "../../server/rules.ts";
import type { PlainObject } from "./plain-object.ts";
import type { Readers, RuleScenario } from "./view-scenario.ts";

export const TEAMS = [0, 1];
const APART = ["lease", "lease-request", "lease-counter", "guarded", "going", "coming"];
/** What everyone may see and write: what is checked on it must stay whole. */
const PUBLIC: readonly string[] = ["bank", "final", ...APART];
const FREE = { create: true, update: true, destroy: true };

/** A create or an update, and the properties that it writes. */
interface Change {
  readonly kind: "create" | "update";
  readonly before: PlainObject | undefined;
  readonly object: PlainObject;
  readonly names: readonly string[];
}

/**
 * Who may see and do what: as the rules that a server is given, and by the plainest reading of the same
 * scenario. Users are in teams. Some of it depends on gates, which are outside of all objects.
 */
export class Visibility {
  readonly #scenario: RuleScenario | undefined;
  readonly #closed = new Set<number>();
  #version = 0;

  constructor(scenario: RuleScenario | undefined) {
    this.#scenario = scenario;
  }

  get hasRules(): boolean {
    return this.#scenario !== undefined;
  }

  /** Another one whenever a gate was opened or closed. */
  get version(): number {
    return this.#version;
  }

  /** Opens or closes a team's gate. */
  turnGate(team: number): void {
    this.#version += 1;
    if (!this.#closed.delete(team)) this.#closed.add(team);
  }

  /** For the options of a server. */
  get rules(): Rules | undefined {
    const scenario = this.#scenario;
    if (scenario === undefined) return undefined;
    const rules: Record<string, Rule> = {};
    for (const name of PUBLIC) rules[name] = { read: true, ...FREE };
    for (const [name, readers] of Object.entries(scenario.objects)) {
      rules[name] = { read: this.#permission(readers), ...this.#writes(), ...this.#properties() };
    }
    return rules;
  }

  /** Whether everybody may see all objects like this one. */
  isForAll(id: string): boolean {
    return this.#readersOf({ id }) === "all";
  }

  /** The object as a team may see it, if it may at all. */
  project(team: number, object: PlainObject): PlainObject | undefined {
    const scenario = this.#scenario;
    if (scenario === undefined || isPublic(object)) return object;
    if (!this.#mayRead(this.#readersOf(object), team, object)) return undefined;
    const hidden = this.hidden(team, object);
    if (hidden.length === 0) return object;
    const shown = Object.entries(object).filter(([name]) => !hidden.includes(name));
    return Object.fromEntries(shown) as unknown as PlainObject;
  }

  /** The properties, whether or not it has them, that a team may not see of it. */
  hidden(team: number, object: PlainObject): readonly string[] {
    if (isPublic(object)) return [];
    const all = Object.entries(this.#scenario?.properties ?? {});
    return all.filter(([, readers]) => !this.#mayRead(readers, team, object)).map(([name]) => name);
  }

  /** The same, but for those of which it depends on the moment. */
  secretsFrom(
    team: number,
    object: PlainObject,
  ): { readonly hidden: readonly string[]; readonly gated: readonly string[] } {
    const all = isPublic(object) ? [] : Object.entries(this.#scenario?.properties ?? {});
    const gated = all.filter(([, readers]) => readers === "gate").map(([name]) => name);
    const hidden = this.hidden(team, object).filter((name) => !gated.includes(name));
    return { hidden, gated };
  }

  /** Whether the team may make this change of an object at this very moment. */
  allows(team: number, { kind, before, object, names }: Change): boolean {
    const judged = kind === "create" ? object : before;
    if (judged === undefined || this.hidden(team, judged).some((name) => names.includes(name))) {
      return false;
    }
    if (kind === "create") return this.mayCreate(team, judged);
    return this.project(team, judged) !== undefined && this.mayUpdate(team, judged, names);
  }

  mayCreate(team: number, object: PlainObject): boolean {
    return this.#mayWrite(team, object, Object.keys(object));
  }

  /** Whether the team may change these properties of the object as it is. */
  mayUpdate(team: number, object: PlainObject, names: readonly string[]): boolean {
    return this.mayDestroy(team, object) && this.#mayWrite(team, object, names);
  }

  mayDestroy(team: number, object: PlainObject): boolean {
    const scenario = this.#scenario;
    if (scenario === undefined || isPublic(object)) return true;
    if (scenario.areWritesJudged && isLocked(team, object)) return false;
    return this.#mayHaveRead(this.#readersOf(object), team, object);
  }

  #mayWrite(team: number, object: PlainObject, names: readonly string[]): boolean {
    const scenario = this.#scenario;
    if (scenario === undefined || isPublic(object)) return true;
    if (scenario.areWritesJudged && team !== 0 && names.includes("e")) return false;
    const { properties } = scenario;
    return names.every((name) => this.#mayHaveRead(properties[name] ?? "all", team, object));
  }

  /** A gate may have been open when it was asked about. */
  #mayHaveRead(readers: Readers, team: number, object: PlainObject): boolean {
    return readers === "gate" || this.#mayRead(readers, team, object);
  }

  #readersOf({ id }: PlainObject): Readers {
    const { objects } = this.#scenario as RuleScenario;
    return objects[namespaceOf(id)] ?? objects["*"] ?? "nobody";
  }

  #mayRead(readers: Readers, team: number, object: PlainObject): boolean {
    switch (readers) {
      case "all":
        return true;
      case "owners":
        return ownersOf(object).includes(team);
      case "team":
        return team === 0;
      case "gate":
        return !this.#closed.has(team);
      case "nobody":
        return false;
    }
  }

  #permission(readers: Readers): Permission {
    if (readers === "all") return true;
    if (readers === "nobody") return false;
    return (user, object) => this.#mayRead(readers, teamOf(String(user)), object);
  }

  #writes(): Pick<Rule, "create" | "update" | "destroy"> {
    if (this.#scenario?.areWritesJudged !== true) return FREE;
    const update = (user: unknown, object: SyncObject): boolean =>
      !isLocked(teamOf(String(user)), object);
    return { create: true, update, destroy: update };
  }

  #properties(): Pick<Rule, "properties"> {
    const { properties, areWritesJudged } = this.#scenario as RuleScenario;
    const rules: Record<string, PropertyRule> = {};
    for (const [name, readers] of Object.entries(properties)) {
      if (readers !== "all") rules[name] = { read: this.#permission(readers) };
    }
    if (areWritesJudged) rules["e"] = { write: (user) => teamOf(String(user)) === 0 };
    return { properties: rules };
  }
}

export function teamOf(user: string): number {
  return Number(/\d+/.exec(user)?.[0] ?? 0) % TEAMS.length;
}

/** The channels that an object is in. */
export function channelsOf({ d, e }: Readonly<Record<string, unknown>>): string[] {
  return [...(typeof d === "number" ? [`d:${Math.floor(d)}`] : []), ...(e === 2 ? ["e"] : [])];
}

function ownersOf({ a }: PlainObject): readonly number[] {
  return typeof a === "number" ? [Math.abs(Math.floor(a)) % TEAMS.length] : TEAMS;
}

/** One team may not change objects that say so. */
function isLocked(team: number, { d }: Readonly<Record<string, unknown>>): boolean {
  return team === 1 && (d === 1 || d === 3);
}

function isPublic({ id }: PlainObject): boolean {
  return PUBLIC.includes(namespaceOf(id));
}
