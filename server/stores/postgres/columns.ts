import type { DecidedMutation, ObjectRecord } from "../store.ts";
import { outcomeToJson, ownerToJson, propertiesToJson } from "../stored-json.ts";

/** Objects as lists side by side, one for each column, as GIVEN_OBJECTS takes them. */
export function objectColumns(objects: readonly ObjectRecord[]): unknown[][] {
  return [
    objects.map(({ handle }) => handle),
    objects.map(({ id }) => id),
    objects.map(({ created }) => created),
    objects.map(({ revision }) => revision),
    objects.map(({ forgotten }) => forgotten),
    objects.map(({ properties }) => (properties === null ? null : propertiesToJson(properties))),
    objects.map(({ names }) => JSON.stringify(names)),
    objects.map(({ revisions }) => JSON.stringify(revisions)),
  ];
}

/** The same for decisions, as GIVEN_DECISIONS takes them. */
export function decisionColumns(decided: readonly DecidedMutation[]): unknown[][] {
  return [
    decided.map(({ clientId }) => clientId),
    decided.map(({ n }) => n),
    decided.map(({ fingerprint }) => fingerprint),
    decided.map(({ owner }) => ownerToJson(owner)),
    decided.map(({ outcome }) => outcomeToJson(outcome)),
    decided.map(({ seq }) => seq),
    decided.map(({ decidedAt }) => decidedAt),
  ];
}
