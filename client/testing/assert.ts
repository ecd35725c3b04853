/* As much of node:assert as the checks need, so that they run in a page as well. */

/** Fails with the message unless the condition holds. */
export function assert(condition: boolean, message = "this must hold"): asserts condition {
  if (!condition) fail(message);
}

export function fail(message: string): never {
  throw new Error(message);
}

/** Compares plain data: what JSON can tell apart. */
export function equal(actual: unknown, expected: unknown, message?: string): void {
  const [is, wanted] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (is !== wanted) fail(`${message ?? "these must be the same"}: ${is} is not ${wanted}`);
}

/** Resolves when the action rejects with an error that passes. */
export async function rejects(
  action: () => Promise<unknown>,
  isRight: (error: unknown) => boolean,
  message: string,
): Promise<void> {
  const error = await action().then(
    () => fail(`${message}, and it did not`),
    (cause: unknown) => cause,
  );
  if (!isRight(error)) fail(`${message}, and it did with ${String(error)}`);
}
