import { malformed, type ByteReader, type ByteWriter } from "./bytes.ts";
import type { Collision, ErrorCode, ErrorData, SyncError } from "./errors.ts";
import { COMMON_LIMITS } from "./limits.ts";
import type { ObjectId, Properties } from "./object.ts";
import { toProperties } from "./operation.ts";
import { PROTOCOL } from "./protocol.ts";
import { readValue, writeValue } from "./value-codec.ts";

const OUTCOME = PROTOCOL.outcome;

/** What became of a mutation. It is decided once; every retry gets the same. */
export type Outcome =
  | { readonly kind: "accepted"; readonly renamed?: ReadonlyMap<ObjectId, ObjectId> | undefined }
  | { readonly kind: "rejected"; readonly error: ErrorData };

export const ACCEPTED: Outcome = { kind: "accepted" };

export function rejected(error: SyncError): Outcome {
  return { kind: "rejected", error: error.toData() };
}

export interface NumberedOutcome {
  readonly n: number;
  readonly outcome: Outcome;
}

/** Writes outcomes in the order of their numbers; runs of plain acceptances take three bytes. */
export function writeOutcomes(writer: ByteWriter, outcomes: readonly NumberedOutcome[]): void {
  let from = 0;
  while (from < outcomes.length) {
    let to = from;
    while (to < outcomes.length && isRun(outcomes, from, to)) to += 1;
    const { n, outcome } = outcomes[from] as NumberedOutcome;
    const plain = to - from;
    writer.varint(n);
    writer.varint(plain);
    if (plain > 0) {
      from = to;
      continue;
    }
    if (outcome.kind === "rejected") {
      writer.byte(OUTCOME.rejected);
      writeValue(writer, errorFields(outcome.error));
    } else {
      writer.byte(OUTCOME.renamed);
      const renamed = outcome.renamed ?? new Map<ObjectId, ObjectId>();
      writer.varint(renamed.size);
      for (const [provisional, id] of renamed) {
        writer.text(provisional);
        writer.text(id);
      }
    }
    from += 1;
  }
  writer.varint(0);
}

/** Whether the outcomes from one index to another are plain and their numbers consecutive. */
function isRun(outcomes: readonly NumberedOutcome[], from: number, to: number): boolean {
  const first = outcomes[from] as NumberedOutcome;
  const { n, outcome } = outcomes[to] as NumberedOutcome;
  return n === first.n + to - from && outcome.kind === "accepted" && outcome.renamed === undefined;
}

export function readOutcomes(reader: ByteReader): NumberedOutcome[] {
  const outcomes: NumberedOutcome[] = [];
  for (let n = reader.varint(); n !== 0; n = reader.varint()) {
    const plain = reader.varint();
    if (outcomes.length + plain > OUTCOME.countMax) {
      throw malformed("the message has too many outcomes");
    }
    for (let i = 0; i < plain; i++) outcomes.push({ n: n + i, outcome: ACCEPTED });
    if (plain === 0) outcomes.push({ n, outcome: readSpecial(reader) });
  }
  return outcomes;
}

function readSpecial(reader: ByteReader): Outcome {
  const kind = reader.byte();
  if (kind === OUTCOME.rejected) {
    return { kind: "rejected", error: toErrorData(readValue(reader, COMMON_LIMITS)) };
  }
  if (kind !== OUTCOME.renamed) {
    throw malformed("an outcome is of no known kind");
  }
  const renamed = new Map<ObjectId, ObjectId>();
  for (let left = reader.count(); left > 0; left--) {
    renamed.set(reader.text() as ObjectId, reader.text() as ObjectId);
  }
  return { kind: "accepted", renamed };
}

/** An error as a value that can travel. */
export function errorFields(error: ErrorData): Properties {
  const { collisions, ...fields } = error;
  if (collisions === undefined) return toProperties(fields);
  const named = collisions.map(({ id, property, referredBy }) =>
    toProperties({ id, property, referredBy }),
  );
  return toProperties({ ...fields, collisions: named });
}

/** An error as it came over the wire; a code of a later version stays as it is. */
export function toErrorData(data: unknown): ErrorData {
  const fields = Object(data) as Record<string, unknown>; // what is no object has no fields
  const get = (name: string, type: string): unknown =>
    typeof fields[name] === type ? fields[name] : undefined;
  return {
    code: (get("code", "string") as ErrorCode | undefined) ?? "unsupported",
    message: (get("message", "string") as string | undefined) ?? "the server gave no reason",
    id: get("id", "string") as string | undefined,
    property: get("property", "string") as string | undefined,
    retryAfterMs: get("retryAfterMs", "number") as number | undefined,
    collisions: toCollisions(fields["collisions"]),
  };
}

/** What collides, by name; anything else is left out. */
function toCollisions(given: unknown): readonly Collision[] | undefined {
  if (!Array.isArray(given)) return undefined;
  return given.flatMap((one: unknown): Collision[] => {
    const { id, property, referredBy } = Object(one) as Record<string, unknown>;
    if (typeof id !== "string") return [];
    return [
      {
        id,
        ...(typeof property === "string" && { property }),
        ...(typeof referredBy === "string" && { referredBy }),
      },
    ];
  });
}
