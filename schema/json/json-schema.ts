import { Ajv, type ErrorObject, type Options, type ValidateFunction } from "ajv";
import { Ajv2020 } from "ajv/dist/2020.js";
import { SyncError, type Properties } from "../../lib/index.ts";
import type { StandardIssue, StandardSchema } from "../standard-schema.ts";

export interface JsonSchemaOptions {
  /** An Ajv of one's own, with formats, keywords or another draft. It must not change what it checks. */
  readonly ajv?: Ajv | Ajv2020 | undefined;
}

/** A misspelt keyword is an error; what is merely unusual is not worth a line on the console. */
const OPTIONS: Options = { strictSchema: true, strictTypes: false, strictTuples: false };
const DRAFT_7 = /draft-0[67]/;
const CHANGING = ["useDefaults", "coerceTypes", "removeAdditional"] as const;

/**
 * A JSON Schema for `schemas`, checked by ajv: draft 2020-12, or draft 7 if its `$schema` says so.
 * `Model` is the type of an object's properties. Throws `bad_option`.
 */
export function jsonSchema<Model extends object = Properties>(
  schema: object,
  options: JsonSchemaOptions = {},
): StandardSchema<NoInfer<Model>> {
  checkGiven(schema, options);
  const { ajv = newAjv(schema) } = options;
  const changing = CHANGING.find((name) => Boolean(ajv.opts[name]));
  if (changing !== undefined) throw badOption(`ajv must not have ${changing}: schemas only check`);
  const fits = compile(ajv, schema);
  return {
    "~standard": {
      version: 1,
      vendor: "object-sync",
      validate: (value) => (fits(value) ? {} : { issues: issuesOf(fits.errors ?? []) }),
    },
  };
}

function checkGiven(schema: unknown, options: JsonSchemaOptions): void {
  if (Object(schema) !== schema) throw badOption("a JSON Schema must be an object");
  const name = Object.keys(options).find((one) => one !== "ajv");
  if (name !== undefined) throw badOption(`there is no option ${name}`);
}

function newAjv(schema: object): Ajv | Ajv2020 {
  const { $schema } = schema as { readonly $schema?: unknown };
  return DRAFT_7.test(String($schema)) ? new Ajv(OPTIONS) : new Ajv2020(OPTIONS);
}

function compile(ajv: Ajv | Ajv2020, schema: object): ValidateFunction {
  let fits: ValidateFunction;
  try {
    fits = ajv.compile(schema);
  } catch (cause) {
    throw badOption(`the JSON Schema cannot be used: ${(cause as Error).message}`, cause);
  }
  if ("$async" in fits) throw badOption("a JSON Schema must not be $async");
  return fits;
}

/** Of a choice that failed ajv tells last that it did, and of a condition that it was one. */
function issuesOf(errors: readonly ErrorObject[]): StandardIssue[] {
  const error = [...errors].reverse().find(({ keyword }) => keyword !== "if");
  if (error === undefined) return [];
  const path = error.instancePath.split("/").slice(1).map(unescaped);
  const named = namedBy(error);
  return [
    {
      message: error.message ?? error.keyword,
      path: named === undefined ? path : [...path, named],
    },
  ];
}

/** The property that is missing, or should be. */
function namedBy({ params }: ErrorObject): string | undefined {
  const { missingProperty, additionalProperty, unevaluatedProperty, propertyName } =
    params as Readonly<Record<string, string | undefined>>;
  return missingProperty ?? additionalProperty ?? unevaluatedProperty ?? propertyName;
}

/** A step of a JSON Pointer. */
function unescaped(step: string): string {
  return step.replaceAll("~1", "/").replaceAll("~0", "~");
}

function badOption(message: string, cause?: unknown): SyncError {
  return new SyncError("bad_option", message, { property: "jsonSchema", cause });
}
