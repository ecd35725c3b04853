export { migrations } from "./migrations.ts";
export type { Migrate, Migration, MigrationSteps } from "./migrations.ts";
export { schemas } from "./schemas.ts";
export type { ModelsOf, SchemaMap, SchemaOptions, Schemas } from "./schemas.ts";
export type { StandardIssue, StandardResult, StandardSchema } from "./standard-schema.ts";
