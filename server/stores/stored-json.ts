import { propertiesFromJson } from "../../lib/tagged-json.ts";
import type { DecidedMutation, ObjectId, ObjectRecord, Outcome } from "./store.ts";

export { propertiesToJson } from "../../lib/tagged-json.ts";

interface KeptOutcome {
  readonly error?: Extract<Outcome, { kind: "rejected" }>["error"];
  readonly renamed?: readonly (readonly [ObjectId, ObjectId])[];
}

/** `{}` is plainly accepted. */
export function outcomeToJson(outcome: Outcome): string {
  const kept: KeptOutcome =
    outcome.kind === "rejected"
      ? { error: outcome.error }
      : outcome.renamed === undefined
        ? {}
        : { renamed: [...outcome.renamed] };
  return JSON.stringify(kept);
}

function outcomeFromJson(text: string): Outcome {
  const { error, renamed, ...others } = JSON.parse(text) as KeptOutcome;
  if (Object.keys(others).length > 0) throw new Error(`${text} is no outcome`);
  if (error !== undefined) return { kind: "rejected", error };
  return renamed === undefined
    ? { kind: "accepted" }
    : { kind: "accepted", renamed: new Map(renamed) };
}

/** A text and a number are different owners. */
export function ownerToJson(owner: DecidedMutation["owner"]): string | null {
  return owner === undefined ? null : JSON.stringify(owner);
}

function ownerFromJson(text: string | null): DecidedMutation["owner"] {
  return text === null ? undefined : (JSON.parse(text) as string | number);
}

/** What a database gives of an object: some give whole numbers as text. */
export interface ObjectRow {
  readonly id: string;
  readonly handle: number | string;
  readonly created: number | string;
  readonly revision: number | string;
  readonly forgotten: number | string;
  readonly properties: string | null;
  readonly names: string;
  readonly revisions: string;
}

export interface DecisionRow {
  readonly client_id: string;
  readonly n: number | string;
  readonly fingerprint: number | string;
  readonly owner: string | null;
  readonly outcome: string;
  readonly seq: number | string;
  readonly decided_at: number | string;
}

export function toRecord(row: ObjectRow): ObjectRecord {
  return {
    id: row.id as ObjectId,
    handle: Number(row.handle),
    created: Number(row.created),
    revision: Number(row.revision),
    forgotten: Number(row.forgotten),
    properties: row.properties === null ? null : propertiesFromJson(row.properties),
    names: JSON.parse(row.names) as string[],
    revisions: JSON.parse(row.revisions) as number[],
  };
}

export function toDecision(row: DecisionRow): DecidedMutation {
  return {
    clientId: row.client_id,
    n: Number(row.n),
    fingerprint: Number(row.fingerprint),
    owner: ownerFromJson(row.owner),
    outcome: outcomeFromJson(row.outcome),
    seq: Number(row.seq),
    decidedAt: Number(row.decided_at),
  };
}
