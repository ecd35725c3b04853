import type { StoredWorld } from "./store.ts";

/** A world as it is kept, whoever has opened it. */
export interface WorldCopy extends Omit<StoredWorld, "term"> {
  readonly name: string;
}

/**
 * The worlds of a store for those who look after it, while a server has it open or none has. Nothing
 * here opens a world. Whatever changes one gives it a higher `term`, so that a server that has it open
 * can commit nothing more.
 */
export interface Archive {
  /**
   * The worlds of these names, or all, as they are at one moment; those that are not there are left
   * out. Servers go on. Throws, or rejects with, `store_corrupt`.
   */
  copy(names?: readonly string[]): readonly WorldCopy[] | Promise<readonly WorldCopy[]>;
  /**
   * Puts worlds in the place of those of the same names: all of them, or none. Throws `exists` when
   * one of those has had a commit, unless `isReplacing`.
   */
  put(worlds: readonly WorldCopy[], isReplacing: boolean): void | Promise<void>;
  /** Goes on with these worlds under other epochs: all of them, or none. Throws `not_found`. */
  setEpochs(epochs: ReadonlyMap<string, string>): void | Promise<void>;
  close(): void | Promise<void>;
}
