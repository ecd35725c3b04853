import type { Cursor } from "../../lib/delta.ts";
import type { Changes, ObjectId, SyncObject } from "../../lib/object.ts";
import { toProperties, type Operation } from "../../lib/operation.ts";
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
  /** Of all properties, in their order, by which the server knows a write again. */
  readonly names?: readonly string[];
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
      const { changes } = operation;
      // JSON has no undefined, which removes a property.
      const properties = propertiesToJson(toProperties(changes));
      return { kind, id, properties, names: Object.keys(changes) };
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
  names = [],
}: OperationFields): Operation {
  switch (kind) {
    case "create":
      return { kind, id, chosen, properties: propertiesFromJson(properties) };
    case "update": {
      const given = propertiesFromJson(properties);
      const changes: Changes = {};
      for (const name of names)
        changes[name] = Object.hasOwn(given, name) ? given[name] : undefined;
      return { kind, id, changes };
    }
    case "destroy":
      return { kind, id };
  }
}
