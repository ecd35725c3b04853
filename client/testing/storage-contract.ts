import { keepingChecks } from "./keeping-checks.ts";
import { lockChecks } from "./lock-checks.ts";
import { Stage, type Elsewhere, type StorageMedium } from "./stage.ts";

export type { Elsewhere, StorageMedium };

/** One thing that every client storage must do. Rejects with what is wrong. */
export interface StorageCheck {
  readonly name: string;
  readonly run: () => Promise<void>;
}

/**
 * The checks that every client storage must pass, to be run by any test runner. `makeMedium` makes an
 * empty medium for each of them.
 *
 * ```ts
 * for (const { name, run } of storageContract(() => emptyPlace())) test(name, run);
 * ```
 */
export function storageContract(
  makeMedium: () => StorageMedium | Promise<StorageMedium>,
): StorageCheck[] {
  return [...keepingChecks, ...lockChecks].map(([name, check]) => ({
    name,
    run: async () => {
      const stage = new Stage(await makeMedium());
      try {
        await check(stage);
      } finally {
        await stage.end();
      }
    },
  }));
}
