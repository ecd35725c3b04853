import type { PlainObject } from "./plain-object.ts";

/** One step of a write, as the simulated application asked for it. */
export type Step =
  | { readonly kind: "create"; readonly id: string; readonly properties: object }
  | { readonly kind: "update"; readonly id: string; readonly changes: object }
  | { readonly kind: "destroy"; readonly id: string };

export interface Folded {
  /** What undecided writes make of the objects that they touch. */
  readonly states: ReadonlyMap<string, PlainObject | undefined>;
  /** Objects of which more than one state is right. */
  readonly unclear: ReadonlySet<string>;
}

/**
 * Pending writes on top of the confirmed state, in the plainest way. A write that the server would
 * refuse shows nothing. Whether one with several steps would be refused for an object that is not
 * there, a client may or may not know: what such a write touches is unclear.
 */
export function foldPlainly(
  confirmed: ReadonlyMap<string, PlainObject>,
  writes: Iterable<readonly Step[]>,
): Folded {
  const states = new Map<string, PlainObject | undefined>();
  const unclear = new Set<string>();
  for (const steps of writes) {
    const draft = new Map<string, PlainObject | undefined>();
    const stateOf = (id: string): PlainObject | undefined =>
      draft.has(id) ? draft.get(id) : states.has(id) ? states.get(id) : confirmed.get(id);
    let isRefused = false;
    let isUnclear = false;
    for (const step of steps) {
      const current = stateOf(step.id);
      isUnclear ||= unclear.has(step.id);
      if (step.kind === "create") isRefused ||= current !== undefined;
      else isUnclear ||= current === undefined && steps.length > 1;
      draft.set(step.id, stateAfter(current, step));
    }
    if (isUnclear) for (const { id } of steps) unclear.add(id);
    if (!isRefused) for (const [id, state] of draft) states.set(id, state);
  }
  return { states, unclear };
}

function stateAfter(current: PlainObject | undefined, step: Step): PlainObject | undefined {
  switch (step.kind) {
    case "create":
      return withChanges({ id: step.id }, step.properties);
    case "update":
      return current === undefined ? undefined : withChanges(current, step.changes);
    case "destroy":
      return undefined;
  }
}

function withChanges(object: PlainObject, changes: object): PlainObject {
  const result: Record<string, unknown> = { ...object };
  for (const [name, value] of Object.entries(changes) as [string, unknown][]) {
    if (value === undefined) Reflect.deleteProperty(result, name);
    else result[name] = value;
  }
  return result as PlainObject;
}
