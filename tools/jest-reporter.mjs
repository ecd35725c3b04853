/**
 * The part of jest's AggregatedResult that is used here.
 * @typedef {object} Results
 * @property {number} numPassedTests
 * @property {number} numFailedTests
 * @property {number} numPendingTests
 * @property {number} numTodoTests
 * @property {number} numRuntimeErrorTestSuites
 * @property {{ testResults: { status: string, fullName: string }[] }[]} testResults
 */

/**
 * Ends the run with one plain line: `N passed, N failed, N skipped`. Names what was skipped: a test
 * that says nothing must not look like one that passed.
 */
export default class PlainReporter {
  /**
   * @param {unknown} _contexts
   * @param {Results} results
   */
  onRunComplete(_contexts, results) {
    for (const { testResults } of results.testResults) {
      for (const { status, fullName } of testResults) {
        if (isSkipped(status)) console.log(`skipped: ${fullName}`);
      }
    }
    // A file that could not even be loaded has no tests to count: it counts as one that failed.
    const failed = results.numFailedTests + results.numRuntimeErrorTestSuites;
    const skipped = results.numPendingTests + results.numTodoTests;
    // At the exit, because jest's own summary is written after every reporter.
    process.once("exit", () => {
      console.log(`${results.numPassedTests} passed, ${failed} failed, ${skipped} skipped`);
    });
  }
}

/** @param {string} status */
function isSkipped(status) {
  return ["pending", "skipped", "todo", "disabled"].includes(status);
}
