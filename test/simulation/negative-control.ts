import { afterAll, expect, test } from "@jest/globals";
import { FAULTS } from "./faults/index.ts";
import { prepare, runSeeds } from "./run.ts";

/** Each fault must show within so many seeds that have what it needs. */
const SEEDS_MAX = 200;
const TEST_TIMEOUT_MS = 240_000;

/** The test files among which the faults are dealt out, so that several cores have something to do. */
const FILES = 2;

/**
 * Has the simulation look for every fault of this test file. A suite that cannot fail proves nothing: see
 * GUARANTEES.md, "Negative control".
 */
export function testFaultsOf(file: 0 | 1): void {
  const caught: string[] = [];

  const faults = FAULTS.map((fault, i) => ({ ...fault, i })).filter(({ i }) => i % FILES === file);
  test.each(faults)(
    "the simulation notices when $name",
    async ({ name, needs = [], from = 1, patches, i }) => {
      const bundle = await prepare(`fault-${i}`, patches);
      const seeds = ["--seeds", String(SEEDS_MAX), "--from", String(from)];
      const args = [...seeds, "--needs", needs.join()];
      const { runs, seed, violation, seconds } = await runSeeds(bundle, args);
      expect(violation).toBeDefined();
      const guarantee = violation?.guarantee ?? "nothing";
      caught.push(`${guarantee} by seed ${seed}, the ${runs}. (${seconds.toFixed(1)} s): ${name}`);
    },
    TEST_TIMEOUT_MS,
  );

  afterAll(() => {
    console.log(`${caught.length} faults caught:\n${caught.join("\n")}`);
  });
}
