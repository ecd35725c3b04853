import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { ByteReader, ByteWriter } from "../../../lib/bytes.ts";
import { ERROR_CODES, type ErrorCode } from "../../../lib/errors.ts";
import type { ObjectId } from "../../../lib/object.ts";
import {
  ACCEPTED,
  readOutcomes,
  toErrorData,
  writeOutcomes,
  type NumberedOutcome,
  type Outcome,
} from "../../../lib/outcome.ts";
import { anyId, anyText } from "../../support/arbitraries.ts";
import { codeOf, damaged, garbage, truncations } from "../../support/hostile.ts";

const codes = Object.keys(ERROR_CODES) as ErrorCode[];

const collision = fc
  .oneof(
    fc.record({ id: anyId, property: anyText }),
    fc.record({ id: anyId }),
    fc.record({ id: anyId, referredBy: anyId }),
  )
  .map((one) => ({ ...one }));

const outcome: fc.Arbitrary<Outcome> = fc.oneof(
  { weight: 4, arbitrary: fc.constant(ACCEPTED) },
  {
    weight: 1,
    arbitrary: fc
      .array(fc.tuple(anyId, anyId), { maxLength: 3 })
      .map((pairs) => ({ kind: "accepted" as const, renamed: new Map<ObjectId, ObjectId>(pairs) })),
  },
  {
    weight: 1,
    arbitrary: fc
      .record({
        code: fc.constantFrom(...codes),
        message: anyText,
        id: fc.option(anyId, { nil: undefined }),
        property: fc.option(anyText, { nil: undefined }),
        retryAfterMs: fc.option(fc.nat(), { nil: undefined }),
        collisions: fc.option(fc.array(collision, { maxLength: 3 }), { nil: undefined }),
      })
      .map((error) => ({ kind: "rejected" as const, error: { ...error } })),
  },
);

/** Outcomes in the order of their numbers, with gaps. */
const outcomes: fc.Arbitrary<NumberedOutcome[]> = fc
  .array(fc.tuple(outcome, fc.constantFrom(1, 1, 1, 1, 2, 1_000)), { maxLength: 30 })
  .map((all) => {
    let n = 0;
    return all.map(([one, step]) => ({ n: (n += step), outcome: one }));
  });

function written(all: readonly NumberedOutcome[]): Uint8Array {
  const writer = new ByteWriter();
  writeOutcomes(writer, all);
  return writer.take();
}

function accepted(first: number, last: number): NumberedOutcome[] {
  return Array.from({ length: last - first + 1 }, (_, i) => ({ n: first + i, outcome: ACCEPTED }));
}

test("every outcome comes back as it was", () => {
  fc.assert(
    fc.property(outcomes, (all) => {
      const reader = new ByteReader(written(all));
      expect(readOutcomes(reader)).toStrictEqual(all);
      expect(reader.left).toBe(0);
    }),
    { numRuns: 300 },
  );
});

test("a run of acceptances takes two numbers, however long it is", () => {
  expect(written([])).toEqual(Uint8Array.of(0));
  expect(written(accepted(1, 1))).toEqual(Uint8Array.of(1, 1, 0));
  expect(written(accepted(5, 104))).toEqual(Uint8Array.of(5, 100, 0));
  expect(written([...accepted(1, 3), ...accepted(7, 9)])).toEqual(Uint8Array.of(1, 3, 7, 3, 0));
});

test("a message decides no more than the protocol allows, and allocates nothing for it", () => {
  const all = accepted(1, 65_536);
  expect(readOutcomes(new ByteReader(written(all)))).toHaveLength(65_536);
  const tooMany = written([...all, ...accepted(65_538, 65_538)]);
  expect(codeOf(() => readOutcomes(new ByteReader(tooMany)))).toBe("invalid_payload");
  const huge = new ByteWriter();
  for (let i = 0; i < 1_000; i++) {
    huge.varint(1 + i * 2 ** 30);
    huge.varint(2 ** 30);
  }
  expect(codeOf(() => readOutcomes(new ByteReader(huge.take())))).toBe("invalid_payload");
});

test("an outcome of no known kind is refused", () => {
  for (const kind of [0, 3, 255]) {
    const bytes = Uint8Array.of(1, 0, kind, 0, 0);
    expect(codeOf(() => readOutcomes(new ByteReader(bytes)))).toBe("invalid_payload");
  }
});

test("an error of a later version stays readable", () => {
  expect(toErrorData({ code: "from_the_future", message: "new", id: "a" })).toMatchObject({
    code: "from_the_future",
    message: "new",
    id: "a",
  });
  for (const data of [undefined, null, 5, "text", [], {}, { code: 7, message: 7 }]) {
    expect(toErrorData(data)).toMatchObject({
      code: "unsupported",
      message: "the server gave no reason",
    });
  }
  const strange = { code: "toString", message: {}, id: 5, property: [], retryAfterMs: "soon" };
  expect(toErrorData(strange)).toEqual({
    code: "toString",
    message: "the server gave no reason",
    id: undefined,
    property: undefined,
    retryAfterMs: undefined,
  });
});

test("outcomes that are cut short are refused, damaged ones and garbage read or refused", () => {
  const bytes = outcomes.map(written);
  const read = (given: Uint8Array) => codeOf(() => readOutcomes(new ByteReader(given)));
  fc.assert(
    fc.property(bytes, (whole) => {
      for (const cut of truncations(whole)) expect(read(cut)).toBe("invalid_payload");
    }),
    { numRuns: 20 },
  );
  fc.assert(fc.property(fc.oneof(damaged(bytes), garbage), (given) => void read(given)));
});
