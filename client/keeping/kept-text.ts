import type { Cursor } from "../../lib/delta.ts";
import type { Collision } from "../../lib/errors.ts";
import { FIRST_VERSION } from "../../lib/migrations.ts";
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
  readonly schema: number;
  readonly user: string | undefined;
  readonly cursor: Cursor;
  readonly epoch: string;
  readonly nextNumber: number;
}

export function clientToText(client: KeptClient): string {
  const { clientId, schema, user, cursor, epoch, nextNumber } = client;
  return JSON.stringify({ version: VERSION, clientId, schema, user, cursor, epoch, nextNumber });
}

/** Throws what cannot be read, as all that read do: a disk may have damaged it, or a person. */
export function clientFromText(text: string): KeptClient {
  const fields = recordOf(JSON.parse(text));
  const { version, clientId, schema = FIRST_VERSION, user, cursor, epoch, nextNumber } = fields;
  if (version !== VERSION) {
    throw new Error(`it was written by another version: ${String(version)} instead of ${VERSION}`);
  }
  const { epoch: cursorEpoch, seq, isPart } = recordOf(cursor);
  return {
    clientId: textOf(clientId),
    schema: countOf(schema),
    user: user === undefined ? user : textOf(user),
    cursor: { epoch: textOf(cursorEpoch), seq: countOf(seq), ...(isPart === true && { isPart }) },
    epoch: textOf(epoch),
    nextNumber: countOf(nextNumber),
  };
}

export function objectToText({ handle, object }: ConfirmedObject): string {
  const { id, ...properties } = object;
  return `[${handle},${JSON.stringify(id)},${propertiesToJson(properties)}]`;
}

export function objectFromText(text: string): ConfirmedObject {
  const [handle, id, properties] = listOf(JSON.parse(text));
  const object: SyncObject = {
    id: textOf(id),
    ...propertiesFromJson(JSON.stringify(recordOf(properties))),
  };
  return { handle: countOf(handle), object };
}

interface OperationFields extends Partial<ChangesFields> {
  readonly kind: Operation["kind"];
  readonly id: ObjectId;
  readonly chosen?: boolean;
}

export function writeToText(write: KeptWrite, wasSent: boolean): string {
  const { operations, n, seen, optimistic, isUncertain, collisions, isAnew, isLocal } = write;
  const written = operations.map(toFields);
  const base = write.base?.map((one) => (one === undefined ? null : changesToFields(one)));
  const former = write.former && Array.from(write.former.values(), propertiesToJson);
  const state = { n, seen, optimistic, wasSent, isUncertain };
  const kind = { ...(isAnew && { isAnew }), ...(isLocal && { isLocal }) };
  return JSON.stringify({ operations: written, ...state, base, former, collisions, ...kind });
}

/** Whether who finds it sends it, as a write that no server has heard of. */
export function isUnsent(text: string): boolean {
  return text.includes('"wasSent":false') && !text.includes('"isLocal":true');
}

export function writeFromText(text: string): KeptWrite {
  const write = recordOf(JSON.parse(text));
  return {
    operations: listOf(write["operations"]).map((fields) => fromFields(recordOf(fields))),
    n: countOf(write["n"]),
    seen: countOf(write["seen"]),
    optimistic: flagOf(write["optimistic"]),
    wasSent: flagOf(write["wasSent"]),
    isUncertain: flagOf(write["isUncertain"]),
    base: optional(write["base"], (list) => listOf(list).map(baseFromFields)),
    former: optional(write["former"], (list) => formerFrom(listOf(list))),
    collisions: optional(write["collisions"], (list) => listOf(list).map(collisionFrom)),
    isAnew: optional(write["isAnew"], flagOf) ?? false,
    isLocal: optional(write["isLocal"], flagOf) ?? false,
  };
}

function baseFromFields(fields: unknown): Changes | undefined {
  return fields === null ? undefined : changesFromFields(recordOf(fields));
}

function formerFrom(list: readonly unknown[]): Map<ObjectId, SyncObject> {
  const objects = list.map((text) => propertiesFromJson(textOf(text)));
  return new Map(
    objects.map((object) => [textOf(object["id"]) as ObjectId, object as unknown as SyncObject]),
  );
}

/** By name: what there is on either side, is looked up when the application is asked. */
function collisionFrom(fields: unknown): Collision {
  const { id, property, referredBy } = recordOf(fields);
  return {
    id: textOf(id),
    property: optional(property, textOf),
    referredBy: optional(referredBy, textOf),
  };
}

interface ChangesFields {
  readonly properties: string;
  /** Of all properties, in their order, by which the server knows a write again. */
  readonly names: readonly string[];
}

/** JSON has no undefined, which removes a property. */
function changesToFields(changes: Changes): ChangesFields {
  return { properties: propertiesToJson(toProperties(changes)), names: Object.keys(changes) };
}

function changesFromFields({ properties = "{}", names = [] }: Fields): Changes {
  const given = propertiesFromJson(textOf(properties));
  const changes: Changes = {};
  for (const name of listOf(names).map(textOf)) {
    changes[name] = Object.hasOwn(given, name) ? given[name] : undefined;
  }
  return changes;
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
    case "update":
      return { kind, id, ...changesToFields(operation.changes) };
    case "destroy":
      return { kind, id };
  }
}

function fromFields(fields: Fields): Operation {
  const { kind, chosen, properties = "{}" } = fields;
  const id = textOf(fields["id"]) as ObjectId;
  switch (kind) {
    case "create":
      return {
        kind,
        id,
        chosen: chosen === true,
        properties: propertiesFromJson(textOf(properties)),
      };
    case "update":
      return { kind, id, changes: changesFromFields(fields) };
    case "destroy":
      return { kind, id };
    default:
      throw new Error(`an operation cannot be ${String(kind)}`);
  }
}

type Fields = Readonly<Record<string, unknown>>;

function recordOf(value: unknown): Fields {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Fields;
  throw wrong("an object", value);
}

function listOf(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw wrong("a list", value);
}

function textOf(value: unknown): string {
  if (typeof value === "string") return value;
  throw wrong("a text", value);
}

function countOf(value: unknown): number {
  if (Number.isSafeInteger(value) && (value as number) >= 0) return value as number;
  throw wrong("a count", value);
}

function flagOf(value: unknown): boolean {
  if (typeof value === "boolean") return value;
  throw wrong("yes or no", value);
}

function optional<Held>(value: unknown, read: (value: unknown) => Held): Held | undefined {
  return value === undefined ? undefined : read(value);
}

function wrong(wanted: string, value: unknown): Error {
  return new Error(`${JSON.stringify(value)} is kept where ${wanted} must be`);
}
