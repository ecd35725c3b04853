import { expect, test } from "@jest/globals";
import { Ajv2020 } from "ajv/dist/2020.js";
import { jsonSchema, type JsonSchemaOptions } from "../../../schema/json/index.ts";
import type { StandardResult } from "../../../schema/index.ts";

function result(schema: object, value: unknown, options?: JsonSchemaOptions): StandardResult {
  return jsonSchema(schema, options)["~standard"].validate(value) as StandardResult;
}

function issue(schema: object, value: unknown): unknown {
  const [first] = result(schema, value).issues ?? [];
  return first && [first.path, first.message];
}

test("without a $schema a schema is of draft 2020-12", () => {
  const pair = { prefixItems: [{ type: "string" }, { type: "number" }] };
  expect(issue({ properties: { pair } }, { pair: ["a", 1] })).toBeUndefined();
  expect(issue({ properties: { pair } }, { pair: ["a", "b"] })).toEqual([
    ["pair", "1"],
    "must be number",
  ]);
});

test("a $schema of draft 7 is taken at its word", () => {
  const $schema = "http://json-schema.org/draft-07/schema#";
  const pair = { items: [{ type: "string" }, { type: "number" }] };
  expect(issue({ $schema, properties: { pair } }, { pair: ["a", "b"] })).toEqual([
    ["pair", "1"],
    "must be number",
  ]);
});

test.each<[what: string, schema: object, value: object, path: string[], message: RegExp]>([
  ["is missing", { required: ["name"] }, {}, ["name"], /required property 'name'/],
  ["is too many", { additionalProperties: false }, { hat: 1 }, ["hat"], /additional/],
  ["is not evaluated", { unevaluatedProperties: false }, { hat: 1 }, ["hat"], /unevaluated/],
  ["has a wrong name", { propertyNames: { maxLength: 2 } }, { hat: 1 }, ["hat"], /name/],
  [
    "fits no choice",
    { properties: { a: { anyOf: [{ const: 1 }, { const: 2 }] } } },
    { a: 3 },
    ["a"],
    /anyOf/,
  ],
  [
    "breaks a condition",
    {
      properties: { a: {}, b: {} },
      if: { properties: { a: { const: 1 } } },
      then: { properties: { b: { type: "string" } } },
    },
    { a: 1, b: 2 },
    ["b"],
    /must be string/,
  ],
  [
    "has a strange name",
    { properties: { "a/b~c": { type: "string" } } },
    { "a/b~c": 1 },
    ["a/b~c"],
    /must be string/,
  ],
])("a property that %s is named", (_what, schema, value, path, message) => {
  expect(issue(schema, value)).toEqual([path, expect.stringMatching(message)]);
});

test("formats and keywords come with an Ajv of one's own", () => {
  const ajv = new Ajv2020({ formats: { even: /^(..)*$/ } });
  const code = { type: "string", format: "even" };
  const schema = { type: "object", properties: { code } };
  expect(result(schema, { code: "abcd" }, { ajv })).toEqual({});
  expect(result(schema, { code: "abc" }, { ajv }).issues).toHaveLength(1);
});

test("two schemas may have the same $id", () => {
  const schema = { $id: "https://example.org/player", type: "object" };
  expect(result(schema, {})).toEqual({});
  expect(result({ ...schema }, {})).toEqual({});
});

test.each<[what: string, schema: object, options: JsonSchemaOptions]>([
  ["a misspelt keyword", { requierd: ["name"] }, {}],
  ["a format that nobody has given", { properties: { mail: { format: "email" } } }, {}],
  ["a draft that there is not", { $schema: "https://json-schema.org/draft/2019-09/schema" }, {}],
  ["an asynchronous schema", { $async: true }, {}],
  ["an Ajv that fills in defaults", {}, { ajv: new Ajv2020({ useDefaults: true }) }],
  ["an Ajv that coerces", {}, { ajv: new Ajv2020({ coerceTypes: true }) }],
  ["an Ajv that removes", {}, { ajv: new Ajv2020({ removeAdditional: true }) }],
])("%s is refused at once", (_what, schema, options) => {
  expect(() => jsonSchema(schema, options)).toThrow(
    expect.objectContaining({ code: "bad_option", property: "jsonSchema" }),
  );
});
