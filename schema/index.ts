export { schemas } from "./schemas.ts";
export type { ModelsOf, SchemaMap, SchemaOptions, Schemas } from "./schemas.ts";
export type { StandardIssue, StandardResult, StandardSchema } from "./standard-schema.ts";
