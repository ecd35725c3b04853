import assert from "node:assert";
import { readFileSync } from "node:fs";
import { afterEach, expect, test } from "@jest/globals";
import dbToCloud from "db-to-cloud";
import { dbToCloudDrive } from "../../client/plugins/db-to-cloud/index.ts";
import { Stage } from "../support/stage.ts";
import { mochaTests } from "./mocha.ts";

/**
 * SEEDS.md, D 15: db-to-cloud's own suite, as it is, over a drive on object-sync. The package on npm comes
 * without it: DB_TO_CLOUD_SUITE names test/test.js in a checkout of its repository, at version 0.8.1.
 */

const stage = new Stage();
afterEach(() => stage.clear());

/** As much of sinon's spies as the suite looks at. */
function spy(work: (...args: unknown[]) => unknown = () => undefined): object {
  const calls: { args: unknown[] }[] = [];
  const spied = (...args: unknown[]): unknown => {
    calls.push({ args });
    return work(...args);
  };
  Object.defineProperty(spied, "lastCall", { get: () => calls.at(-1) });
  return Object.assign(spied, { getCalls: () => calls });
}

/** Each of one list is in the other, in any order. */
function sameSet(one: unknown[], other: unknown[]): void {
  expect(one).toHaveLength(other.length);
  expect(one).toEqual(expect.arrayContaining(other));
}

const suite = process.env["DB_TO_CLOUD_SUITE"] ?? "";
const whereItIs = suite === "" ? test.skip : test;

// The suite tries a hundred changes only where it takes the drive for one on a disk.
whereItIs.each(["object-sync", "fs-drive"])(
  "D 15: the published suite of db-to-cloud passes over a drive named %s",
  async (name) => {
    const { url } = await stage.serve();
    const clients = [await stage.join(url), await stage.join(url)];
    const adapter = {
      name,
      valid: () => true,
      get: () => dbToCloudDrive(clients.shift() as (typeof clients)[0], { name }),
    };
    const logged: string[] = [];
    const tests = mochaTests(suite, readFileSync(suite, "utf8"), {
      "..": dbToCloud,
      "./adapter": [adapter],
      assert,
      "assert-set": { equal: sameSet },
      dotenv: { config: () => undefined },
      "mocha-logger": { log: (line: string) => logged.push(line) },
      sinon: { spy },
    });
    expect(tests.map((one) => one.name)).toEqual([`functional ${name} run suite`]);
    for (const one of tests) await one.run();
    expect(logged.at(-1)).toBe("cloud is locked while syncing");
  },
);
