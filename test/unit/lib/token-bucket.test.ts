import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { TokenBucket } from "../../../lib/token-bucket.ts";

test("a burst of twice the rate is allowed, and then the rate", () => {
  const bucket = new TokenBucket(100, 0);
  expect(bucket.take(200, 0)).toBe(0);
  expect(bucket.take(1, 0)).toBe(10);
  expect(bucket.take(50, 0)).toBe(500);
  expect(bucket.take(1, 9)).toBe(1);
  expect(bucket.take(1, 10)).toBe(0);
  expect(bucket.take(1, 10)).toBe(10);
});

test("after a rest there is no more than one burst", () => {
  const bucket = new TokenBucket(100, 0);
  expect(bucket.take(200, 0)).toBe(0);
  expect(bucket.take(200, 1_000_000)).toBe(0);
  expect(bucket.take(1, 1_000_000)).toBe(10);
});

test("who waits as long as told, gets through; and nobody gets more than the rate", () => {
  const steps = fc.array(fc.record({ count: fc.integer({ min: 1, max: 20 }), rest: fc.nat(300) }), {
    maxLength: 100,
  });
  fc.assert(
    fc.property(steps, (all) => {
      const bucket = new TokenBucket(10, 0);
      let now = 0;
      let taken = 0;
      for (const { count, rest } of all) {
        now += rest;
        const waitMs = bucket.take(count, now);
        if (waitMs > 0) {
          now += waitMs;
          expect(bucket.take(count, now)).toBe(0);
        }
        taken += count;
        expect(taken).toBeLessThanOrEqual(20 + (now * 10) / 1_000 + 1e-6);
      }
    }),
  );
});

test("what is given back can be taken again, and fills no bucket beyond its brim", () => {
  const bucket = new TokenBucket(10, 0);
  expect(bucket.take(20, 0)).toBe(0);
  bucket.giveBack(5);
  expect(bucket.take(5, 0)).toBe(0);
  expect(bucket.take(1, 0)).toBeGreaterThan(0);
  bucket.giveBack(100);
  expect(bucket.take(20, 0)).toBe(0);
  expect(bucket.take(1, 0)).toBeGreaterThan(0);
});
