import { expect, test } from "@jest/globals";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { DEFAULT_LIMITS } from "../../../lib/limits.ts";
import { PROTOCOL } from "../../../lib/protocol.ts";
import { NAMES_PER_SHAPE } from "../../../lib/shape.ts";
import { GOLDEN_FRAMES, toHex } from "../../support/golden-frames.ts";

const PAGE = readFileSync(new URL("../../../PROTOCOL.md", import.meta.url), "utf8");

const WHAT_TO_DO =
  "The wire has changed. A change is a new version: raise PROTOCOL.version, describe it in " +
  "PROTOCOL.md and CHANGELOG.md, and pin the new hash here.";

test("the definition of the wire has not changed", () => {
  const hash = createHash("sha256").update(JSON.stringify(PROTOCOL)).digest("hex");
  expect({ hash, WHAT_TO_DO }).toEqual({
    hash: "6d89343ae70139a13106c2b44240809b20fc6d8b81985072842f929298cbf0e8",
    WHAT_TO_DO,
  });
});

test.each(Object.keys(GOLDEN_FRAMES) as (keyof typeof GOLDEN_FRAMES)[])(
  "the bytes of the golden frame %p have not changed, and mean what they meant",
  (name) => {
    const { hex, encoded, message, decoded } = GOLDEN_FRAMES[name];
    expect(toHex(encoded)).toBe(hex);
    expect(decoded()).toEqual(message);
  },
);

test("PROTOCOL.md shows the golden frames as they are", () => {
  const blocks = [...PAGE.matchAll(/^```text frame=(\w+)\n([^]*?)^```$/gm)];
  const shown = blocks.map(([, name = "", lines = ""]) => {
    const bytes = lines.split("\n").map((line) => line.replace(/;.*/, ""));
    return [name, bytes.join("").replaceAll(/\s/g, "")];
  });
  const frames = shown.map(([name = ""]) => [
    name,
    GOLDEN_FRAMES[name as keyof typeof GOLDEN_FRAMES].hex,
  ]);
  expect(Object.fromEntries(shown)).toEqual(Object.fromEntries(frames));
  expect(shown.map(([name]) => name)).toEqual(["delta", "mutations"]);
});

test("PROTOCOL.md tells the version, and every number of the definition", () => {
  expect(PAGE).toContain(`version ${PROTOCOL.version}`);
  const { value, change, operation, outcome, fromServer, fromClient, deltaFlag } = PROTOCOL;
  const tags = Object.entries(value).filter(([name]) => !/Text|Max/.test(name));
  for (const [name, tag] of tags)
    expect(PAGE).toMatch(new RegExp(`^\\| ${tag} .*\\| ${name}`, "m"));
  expect(value.shortText + value.shortTextMax).toBe(value.integer);
  expect(PAGE).toContain(`| ${value.shortText} – ${value.integer - 1} `);
  const kinds = { ...fromServer, ...fromClient };
  for (const [name, kind] of Object.entries(kinds)) {
    expect(PAGE).toMatch(new RegExp(`^### ${name} \\(${kind}\\)`, "m"));
  }
  for (const flag of Object.values(deltaFlag))
    expect(PAGE).toMatch(new RegExp(`^\\| ${flag} +\\|`, "m"));
  expect([change.kindMask, change.silent, change.shapeUnit]).toEqual([3, 4, 8]);
  expect([operation.kindMask, operation.chosen, operation.byHandle]).toEqual([3, 4, 4]);
  expect(PAGE).toContain(outcome.countMax.toLocaleString("en"));
});

test("PROTOCOL.md tells the limits as they are", () => {
  const rows = [...PAGE.matchAll(/^\| `(\w+)` +\| ([\d,]+) +\|/gm)];
  expect(rows.length).toBeGreaterThan(10);
  for (const [, name = "", value = ""] of rows) {
    expect({ [name]: Number(value.replaceAll(",", "")) }).toEqual({
      [name]: DEFAULT_LIMITS[name as keyof typeof DEFAULT_LIMITS],
    });
  }
  const { propertiesPerObjectMax, removedPropertiesMax, shapesMax } = DEFAULT_LIMITS;
  for (const number of [
    propertiesPerObjectMax + removedPropertiesMax,
    shapesMax * NAMES_PER_SHAPE,
  ]) {
    expect(PAGE).toContain(number.toLocaleString("en"));
  }
});
