import type { Changes, SyncObject } from "../../lib/object.ts";
import type { Checks } from "./checks.ts";
import type { PlainObject } from "./plain-object.ts";
import { teamOf, type Visibility } from "./visibility.ts";

/** A change of an object that has taken effect, as it was announced when all of its batch had. */
export interface Effect {
  readonly writer: string;
  /** Whether a client wrote it. */
  readonly isOfClient: boolean;
  readonly object: SyncObject;
  readonly isDestroyed?: boolean;
  /** Of an update. */
  readonly changed?: Changes;
  readonly previous?: Changes;
}

/**
 * Whether clients were allowed to do what took effect, each object being as it was just before. What is
 * announced at once is announced of objects as they are after all of it: so it is taken back step by step.
 */
export function judgeEffects(
  effects: readonly Effect[],
  visibility: Visibility,
  checks: Checks,
): void {
  const states = new Map<SyncObject, PlainObject>();
  for (const effect of [...effects].reverse()) {
    const { object, writer, isOfClient } = effect;
    const after = states.get(object) ?? { ...object };
    const before = stateBefore(after, effect.previous);
    states.set(object, before);
    if (!isOfClient) continue;
    const isAllowed = mayHaveDone(effect, visibility, before);
    checks.check(isAllowed, "G17", () => {
      return `${writer} has changed ${JSON.stringify(before)} by ${JSON.stringify(effect.changed)}`;
    });
  }
}

function mayHaveDone(
  { writer, changed, isDestroyed }: Effect,
  visibility: Visibility,
  before: PlainObject,
): boolean {
  const team = teamOf(writer);
  if (isDestroyed === true) return visibility.mayDestroy(team, before);
  if (changed === undefined) return visibility.mayCreate(team, before);
  return visibility.mayUpdate(team, before, Object.keys(changed));
}

function stateBefore(after: PlainObject, previous: Changes | undefined): PlainObject {
  if (previous === undefined) return after;
  const before: Record<string, unknown> = { ...after, ...previous };
  for (const [name, value] of Object.entries(previous)) {
    if (value === undefined) Reflect.deleteProperty(before, name);
  }
  return before as PlainObject;
}
