/** Native ES modules; tests import `test`, `expect`, … from "@jest/globals". Run by tools/test.mjs. */
export default {
  testMatch: ["<rootDir>/test/**/*.test.ts"],
  testEnvironment: "node",
  // What hangs is found as well so; and a machine may be slow, or do other things.
  testTimeout: 90_000,
  injectGlobals: false,
  extensionsToTreatAsEsm: [".ts"],
  transform: { "\\.ts$": "<rootDir>/tools/jest-transform.mjs" },
  // Also of two cores, both.
  maxWorkers: "100%",
  reporters: ["default", "<rootDir>/tools/jest-reporter.mjs"],
};
