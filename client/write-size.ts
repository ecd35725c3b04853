import { SyncError } from "../lib/errors.ts";
import type { Limits } from "../lib/limits.ts";
import { encodeMutation } from "../lib/mutation-codec.ts";
import { valueBytes } from "../lib/object.ts";
import type { Operation } from "../lib/operation.ts";
import { ShapeTable } from "../lib/shape.ts";

// The estimate is never less than this part of the truth.
const ESTIMATE_MIN = 1 / 4;

/** Throws `limit_exceeded` or `too_large` for a write that a server would refuse. */
export function checkWriteSize(
  operations: readonly Operation[],
  limits: Limits,
  bytesMax: number,
): void {
  const { operationsPerMutationMax } = limits;
  if (operations.length > operationsPerMutationMax) {
    const message = `a write has at most ${String(operationsPerMutationMax)} operations`;
    throw new SyncError("limit_exceeded", message);
  }
  if (estimateBytes(operations) <= bytesMax * ESTIMATE_MIN) return;
  const { bytes } = encodeMutation({ seen: 0, operations }, new ShapeTable(0), () => undefined);
  if (bytes.length <= bytesMax) return;
  const message = `a write has at most ${String(bytesMax)} bytes, not ${String(bytes.length)}`;
  throw new SyncError("too_large", message, { id: operations[0]?.id });
}

function estimateBytes(operations: readonly Operation[]): number {
  let bytes = 0;
  for (const operation of operations) {
    bytes += operation.id.length + 8;
    if (operation.kind === "destroy") continue;
    const values = operation.kind === "create" ? operation.properties : operation.changes;
    for (const name of Object.keys(values)) {
      bytes += name.length + 2 + valueBytes(values[name] ?? null);
    }
  }
  return bytes;
}
