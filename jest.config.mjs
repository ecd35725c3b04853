/** Native ES modules; tests import `test`, `expect`, … from "@jest/globals". Run by tools/test.mjs. */
export default {
  testMatch: ["<rootDir>/test/**/*.test.ts"],
  testEnvironment: "node",
  testTimeout: 30_000,
  injectGlobals: false,
  extensionsToTreatAsEsm: [".ts"],
  transform: { "\\.ts$": "<rootDir>/tools/jest-transform.mjs" },
  // Also of two cores, both.
  maxWorkers: "100%",
  reporters: ["default", "<rootDir>/tools/jest-reporter.mjs"],
};
