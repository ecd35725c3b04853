import type { ObjectId } from "../lib/object.ts";
import type { Write } from "./outbox.ts";
import type { KeepListener, Keeper, KeepSource } from "./persistence.ts";

/** What of a client outlives it, if there is anything that keeps. */
export class KeptState {
  #keeper: Keeper | undefined;
  /** Whether what it is given survives: a storage may fail. */
  #isKeeping = false;
  /** Whether it is still to come what an earlier client has left: until then nothing is sent. */
  #isAwaited: boolean;

  constructor(isAwaited: boolean) {
    this.#isAwaited = isAwaited;
  }

  get isAwaited(): boolean {
    return this.#isAwaited;
  }

  /** Whether a new write may be sent at once, as nothing keeps it. */
  get isFree(): boolean {
    return this.#keeper === undefined && !this.#isAwaited;
  }

  /** The client will know after any end what became of its writes up to this one. */
  get settled(): number {
    return this.#keeper?.settled ?? Infinity;
  }

  /** Whether the next client will have this write. */
  has(write: Write): boolean {
    return this.#isKeeping && write.isKept;
  }

  begin(keeper: Keeper | undefined): void {
    this.#isAwaited = false;
    this.#keeper = keeper;
  }

  start(source: KeepSource, listener: KeepListener): void {
    const keeper = this.#keeper;
    keeper?.start(source, {
      kept: (writes, isStored, localVersion) => {
        if (keeper !== this.#keeper) return; // what it was writing when it was forgotten
        this.#isKeeping = isStored;
        listener.kept(writes, isStored, localVersion);
      },
      failed: (error) => listener.failed(error),
    });
  }

  noteWrites(): void {
    this.#keeper?.noteWrites();
  }

  /** Writes have other numbers: none is kept as it is now. `again` are all that are to be sent again. */
  noteRestart(again: Iterable<Write> = []): void {
    if (this.#keeper === undefined) return;
    for (const write of again) if (!write.isLocal) write.isKept = false;
    this.#keeper.noteRestart();
  }

  /** Asks for what has changed only if there is anything that keeps it. */
  noteObjects(changed: () => readonly ObjectId[] | "all"): void {
    this.#keeper?.noteObjects(changed());
  }

  /** Resolves when all that is to be kept is; nothing is, of who has finished for good. */
  close(isFinished: boolean): Promise<void> | undefined {
    return this.#keeper?.close(isFinished);
  }

  /** Has nothing any more, here and where it was kept, and waits for what is to come. */
  forget(): Promise<void> | undefined {
    const keeper = this.#keeper;
    this.#isAwaited = true;
    this.#keeper = undefined;
    this.#isKeeping = false;
    return keeper?.close(true);
  }
}
