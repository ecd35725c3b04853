import type { Cursor } from "../../lib/delta.ts";
import type { Changes, ObjectId, Properties, SyncObject } from "../../lib/object.ts";
import type { Operation } from "../../lib/operation.ts";
import type { ConfirmedObject } from "../../lib/replica.ts";
import { propertiesFromJson, propertiesToJson } from "../../lib/tagged-json.ts";
import type { KeptWrite } from "../outbox.ts";

/* How a client's state is written down: as JSON, one text for each thing that changes by itself. */

const VERSION = 1;

/** What a client is, without its objects and writes. */
export interface KeptClient {
  readonly clientId: string;
  readonly cursor: Cursor;
  readonly epoch: string;
  readonly nextNumber: number;
}

export function clientToText({ clientId, cursor, epoch, nextNumber }: KeptClient): string {
  return JSON.stringify({ version: VERSION, clientId, cursor, epoch, nextNumber });
}

/** Throws what cannot be read. */
export function clientFromText(text: string): KeptClient {
  const { version, ...client } = JSON.parse(text) as KeptClient & { version: number };
  if (version === VERSION) return client;
  throw new Error(`it was written by another version: ${String(version)} instead of ${VERSION}`);
}

export function objectToText({ handle, object }: ConfirmedObject): string {
  const { id, ...properties } = object;
  return `[${handle},${JSON.stringify(id)},${propertiesToJson(properties)}]`;
}

export function objectFromText(text: string): ConfirmedObject {
  const [handle, id, properties] = JSON.parse(text) as [number, string, object];
  const object: SyncObject = { id, ...propertiesFromJson(JSON.stringify(properties)) };
  return { handle, object };
}

interface OperationFields {
  readonly kind: Operation["kind"];
  readonly id: ObjectId;
  readonly chosen?: boolean;
  readonly properties?: string;
  /** Names; JSON has no undefined. */
  readonly removed?: readonly string[];
}

export function writeToText(write: KeptWrite, wasSent: boolean): string {
  const { operations, n, seen, optimistic, isUncertain } = write;
  const written = operations.map(toFields);
  return JSON.stringify({ operations: written, n, seen, optimistic, wasSent, isUncertain });
}

export function writeFromText(text: string): KeptWrite {
  const write = JSON.parse(text) as KeptWrite & { operations: readonly OperationFields[] };
  return { ...write, operations: write.operations.map(fromFields) };
}

function toFields(operation: Operation): OperationFields {
  const { kind, id } = operation;
  switch (kind) {
    case "create":
      return {
        kind,
        id,
        chosen: operation.chosen,
        properties: propertiesToJson(operation.properties),
      };
    case "update": {
      const entries = Object.entries(operation.changes);
      const given = entries.filter(
        (entry): entry is [string, Properties[string]] => entry[1] !== undefined,
      );
      const removed = entries.filter(([, value]) => value === undefined).map(([name]) => name);
      return { kind, id, properties: propertiesToJson(Object.fromEntries(given)), removed };
    }
    case "destroy":
      return { kind, id };
  }
}

function fromFields({
  kind,
  id,
  chosen = false,
  properties = "{}",
  removed = [],
}: OperationFields): Operation {
  switch (kind) {
    case "create":
      return { kind, id, chosen, properties: propertiesFromJson(properties) };
    case "update": {
      const changes: Changes = propertiesFromJson(properties);
      for (const name of removed) changes[name] = undefined;
      return { kind, id, changes };
    }
    case "destroy":
      return { kind, id };
  }
}
