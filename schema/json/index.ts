export { jsonSchema } from "./json-schema.ts";
export type { JsonSchemaOptions } from "./json-schema.ts";
