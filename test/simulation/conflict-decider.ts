import type { Conflict, Resolution } from "../../lib/conflict.ts";
import type { SyncObject } from "../../lib/object.ts";
import { canonical } from "../support/canonical.ts";
import type { Checks } from "./checks.ts";
import type { ConflictScenario, ConflictStyle } from "./conflict-scenario.ts";
import type { SimProcess } from "./process.ts";
import type { SeededRandom } from "./random.ts";
import { isTally } from "./tally.ts";
import { TOKEN_PROPERTIES } from "./token.ts";

const TURNS: readonly ConflictStyle[] = ["local", "remote", "merge", "keepAlive", "destroy"];

interface DeciderOptions {
  readonly who: string;
  readonly style: ConflictStyle;
  /** Whether it is asked about what both sides have made the same. */
  readonly wantsEqual: boolean;
  readonly scenario: ConflictScenario;
  readonly process: SimProcess;
  readonly random: SeededRandom;
  readonly checks: Checks;
  readonly isCalm: () => boolean;
  /** Whether nobody else decides about the same here. */
  readonly isAlone: () => boolean;
}

/** What an application makes of conflicts: at once, after a while, or not while there is trouble. */
export class ConflictDecider {
  readonly #options: DeciderOptions;
  /** What it is asked about and has not answered. */
  readonly #open = new Set<Pick<Conflict, "id">>();
  readonly #waiting = new Set<() => void>();
  #hasFailed = false;
  #ids = 0;

  constructor(options: DeciderOptions) {
    this.#options = options;
  }

  /** Whether it could not decide something, and must be asked again. */
  get hasFailed(): boolean {
    return this.#hasFailed;
  }

  get wantsEqual(): boolean {
    return this.#options.wantsEqual;
  }

  /** Answers all that it has not answered. */
  answerAll(): void {
    for (const answer of this.#waiting) answer();
    this.#waiting.clear();
  }

  /** What it was asked about is no more: its answers come to nothing. */
  forget(): void {
    this.#open.clear();
  }

  decide(conflict: Conflict): Resolution | Promise<Resolution> {
    const { random, scenario, process, isCalm, checks } = this.#options;
    checks.saw("conflict asked");
    this.#check(conflict);
    if (!isCalm() && random.chance(scenario.failChance)) return this.#fail();
    const meanMs = isCalm() ? 0 : scenario.answerMeanMs;
    if (meanMs === 0 || random.chance(0.3)) return this.#resolution(conflict);
    this.#open.add(conflict);
    return new Promise((resolve, reject) => {
      const answer = (): void => {
        this.#open.delete(conflict);
        if (!isCalm() && random.chance(scenario.failChance)) {
          this.#hasFailed = true;
          reject(new Error("the application has a bug"));
        } else resolve(this.#resolution(conflict));
      };
      if (random.chance(scenario.neverChance)) this.#waiting.add(answer);
      else process.environment.scheduler.after(random.exponential(meanMs), answer);
    });
  }

  #fail(): Resolution | Promise<Resolution> {
    const { random } = this.#options;
    this.#hasFailed = true;
    if (random.chance(0.3)) return 7 as unknown as Resolution;
    if (random.chance(0.5)) return Promise.reject(new Error("the application has a bug"));
    throw new Error("the application has a bug");
  }

  /** It is asked once about each, and about what is the same only if it wants that. */
  #check({ id, collisions, mine, theirs }: Conflict): void {
    const { who, checks, isAlone, wantsEqual } = this.#options;
    const isOpen = [...this.#open].some((one) => one.id === id) && isAlone();
    checks.check(!isOpen, "G13", () => `${who} is asked again about ${id} before it has answered`);
    checks.check(collisions.length > 0, "G13", () => `${who} is asked about nothing of ${id}`);
    for (const one of collisions) {
      const { property } = one;
      if (property === undefined) continue;
      if (canonical(one.mine) === canonical(one.theirs)) {
        checks.saw("equal asked");
        const isDone = wantsEqual && canonical(one.base) !== canonical(one.theirs);
        checks.check(isDone, "G13", () => `${who} is asked about the same ${property} of ${id}`);
      }
      const isTwoSided = mine !== null && theirs !== null;
      checks.check(isTwoSided, "G13", () => `${who} is asked about ${property} of no ${id}`);
    }
  }

  #resolution(conflict: Conflict): Resolution {
    const { style } = this.#options;
    const { id, theirs } = conflict;
    if (!isTally(id)) return cleaned(conflict, this.#styled(conflict, style));
    if (theirs === null) return undefined;
    return (style === "remote" ? undefined : merged(conflict)) ?? allOf(theirs);
  }

  #styled(conflict: Conflict, style: ConflictStyle): Resolution {
    const { random, who } = this.#options;
    const { id, base, mine, theirs } = conflict;
    switch (style) {
      case "local":
        return mine;
      case "remote":
        return undefined;
      case "merge":
        return theirs === null || mine === null ? mine : merged(conflict);
      case "keepAlive":
        return theirs === null ? mine : mine === null ? undefined : mine;
      case "destroy":
        return null;
      case "both": {
        if (base !== null || mine === null || theirs === null) return mine;
        this.#ids += 1;
        return { ...mine, id: `${id}-${who}-${this.#ids}` };
      }
      case "other":
        return { ...(theirs ?? mine), a: random.below(4), f: this.#ids++ };
      case "turns":
        return this.#styled(conflict, random.pick(TURNS));
    }
  }
}

/** What this client has added, besides what the others have; else its own. */
function merged({ collisions, mine, theirs }: Conflict): Record<string, never> | undefined {
  const result: Record<string, unknown> = {};
  for (const { property = "", base, mine: here, theirs: there } of collisions) {
    const areNumbers = [base, here, there].every((value) => typeof value === "number");
    result[property] = areNumbers ? Number(there) + (Number(here) - Number(base)) : here;
  }
  for (const { property, base } of collisions) {
    // What it has added is not known, if it is not known to what.
    if (property === "n" && typeof base !== "number") return undefined;
  }
  // By which the write is recognised: together with what it adds, although nobody else wants it.
  for (const property of TOKEN_PROPERTIES) {
    const own = mine?.[property];
    if (own !== theirs?.[property]) result[property] = own;
  }
  return result as Record<string, never>;
}

/** What leaves nothing of a write: neither what collides nor what does not. */
function allOf(theirs: SyncObject): Resolution {
  const none = Object.fromEntries(TOKEN_PROPERTIES.map((name) => [name, undefined]));
  return { ...none, ...theirs };
}

/** Objects that come back bear no marks of writes that are over. */
function cleaned({ id, base, mine, theirs }: Conflict, resolution: Resolution): Resolution {
  if (resolution === null || resolution === undefined) return resolution;
  if (theirs !== null && (resolution["id"] ?? id) === id) return resolution;
  const marks = TOKEN_PROPERTIES.filter((name) => base !== null && base[name] === mine?.[name]);
  return Object.fromEntries(Object.entries(resolution).filter(([name]) => !marks.includes(name)));
}
