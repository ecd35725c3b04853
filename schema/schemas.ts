import { checkChanges, SyncError, type WriteCheck } from "../lib/index.ts";
import { namespaceOf } from "./namespace.ts";
import { isStandardSchema, type InputOf, type StandardSchema } from "./standard-schema.ts";
import { violation, violationOf, type SchemaChange } from "./violation.ts";

/** By namespace: what stands before the first colon of an id, or all of it. "*" is for all others. */
export type SchemaMap = Readonly<Record<string, StandardSchema>>;

export interface SchemaOptions {
  /** Whether objects that no schema is for are refused; false unless given. */
  readonly strict?: boolean | undefined;
}

/** What a plugin needs of a server. */
interface CheckingServer {
  check(check: (change: SchemaChange) => void): unknown;
}

/** A plugin for a server's `use`, with a `check` for a client's option of that name. */
export interface Schemas<All extends SchemaMap = SchemaMap> {
  (server: CheckingServer): void;
  readonly check: WriteCheck;
  readonly all: All;
}

/** The `Models` of an ObjectSync, by the schemas that there are; without "*". */
export type ModelsOf<Checked> =
  Checked extends Schemas<infer All>
    ? { [Name in keyof All as Exclude<Name, "*">]: InputOf<All[Name]> }
    : never;

/**
 * Refuses every create and update after which an object would not fit the schema of its namespace,
 * as `schema_violation`. A schema is asked about all properties of the object as it would be, without
 * its id, and changes nothing. Throws `bad_option`.
 *
 * ```ts
 * const checked = schemas({ player: z.object({ name: z.string() }) });
 * server.use(checked);
 * const sync = new ObjectSync<ModelsOf<typeof checked>>(url, { check: checked.check });
 * ```
 */
export function schemas<const All extends SchemaMap>(
  all: All,
  options: SchemaOptions = {},
): Schemas<All> {
  checkSchemas(all);
  const strict = isStrict(options);
  const byNamespace = new Map<string, StandardSchema>(Object.entries(all));
  const check = (change: SchemaChange): void => {
    const name = namespaceOf(change.id);
    const schema = byNamespace.get(name) ?? byNamespace.get("*");
    if (schema !== undefined) checkChange(change, name, schema);
    else if (strict) throw violation(change.id, "there is none");
  };
  // An id without a colon may be one that a handler on the server gives another for.
  const checkAtClient = (change: SchemaChange): void => {
    if (change.id.includes(":") || byNamespace.has(change.id)) check(change);
  };
  return Object.assign((server: CheckingServer) => void server.check(check), {
    check: ((operations, get) => checkChanges(operations, get, checkAtClient)) satisfies WriteCheck,
    all,
  });
}

function isStrict(options: SchemaOptions): boolean {
  for (const [name, value] of Object.entries(options)) {
    const isRight = name === "strict" && (value === undefined || typeof value === "boolean");
    if (isRight) continue;
    const message = "schemas() takes the option strict, true or false, and no other";
    throw new SyncError("bad_option", message, { property: name });
  }
  return options.strict === true;
}

function checkSchemas(all: unknown): void {
  // A server that uses `schemas` itself, not what it makes, would check nothing.
  if (!isPlain(all)) {
    const message = "schemas() takes an object of schemas by namespace";
    throw new SyncError("bad_option", message, { property: "schemas" });
  }
  for (const [name, schema] of Object.entries(all)) {
    if (name === "" || name.includes(":")) throw badOption(name, "must be called as a namespace");
    if (isStandardSchema(schema)) continue;
    throw badOption(
      name,
      "must be a Standard Schema, or a JSON Schema in jsonSchema() of object-sync/schema/json",
    );
  }
}

function isPlain(value: unknown): value is object {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function checkChange(change: SchemaChange, name: string, schema: StandardSchema): void {
  const { id: _, ...properties } = change.object;
  const result = schema["~standard"].validate(properties);
  if (result instanceof Promise) {
    result.catch(() => undefined);
    throw badOption(name, "must answer at once: a schema with a promise cannot judge a commit");
  }
  const { issues } = result;
  if (issues === undefined) return;
  throw violationOf(change, issues[0] ?? { message: "it gives no reason" });
}

function badOption(name: string, reason: string): SyncError {
  return new SyncError("bad_option", `the schema ${name} ${reason}`, { property: name });
}
