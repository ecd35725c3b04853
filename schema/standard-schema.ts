/**
 * The part of Standard Schema, version 1 (standardschema.dev), that is used here: what zod, valibot,
 * arktype and others implement.
 */
export interface StandardSchema<Input = unknown> {
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: string;
    /** A promise is refused: a write is judged at the moment of its commit. */
    readonly validate: (value: unknown) => StandardResult | Promise<StandardResult>;
    /** Only for the compiler. */
    readonly types?: { readonly input: Input; readonly output: unknown } | undefined;
  };
}

/** Without `issues`, the value fits. */
export interface StandardResult {
  readonly issues?: readonly StandardIssue[] | undefined;
}

export interface StandardIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** What a schema accepts. As schemas only check, it is also what objects then hold. */
export type InputOf<Schema> = Schema extends {
  readonly "~standard": { readonly types?: infer Types };
}
  ? NonNullable<Types> extends { readonly input: infer Input }
    ? Input
    : never
  : never;

export function isStandardSchema(value: unknown): value is StandardSchema {
  if ((typeof value !== "object" && typeof value !== "function") || value === null) return false;
  const standard = (value as Partial<StandardSchema>)["~standard"] as unknown;
  if (typeof standard !== "object" || standard === null) return false;
  const { version, validate } = standard as { version?: unknown; validate?: unknown };
  return version === 1 && typeof validate === "function";
}
