import { SyncError } from "../../../lib/index.ts";
import { WorldsFile } from "./worlds-file.ts";
import { decisionValues, objectValues } from "./statements.ts";
import type { Store, StoreBatch, StoredWorld } from "../store.ts";
import type { WorldRow } from "../stored-world.ts";

/** A batch that waits for the transaction it goes with. */
interface Waiting {
  readonly world: string;
  readonly batch: StoreBatch;
  readonly resolve: () => void;
  readonly reject: (cause: unknown) => void;
}

/**
 * Keeps worlds in one SQLite file. Each transaction is on the disk before anyone hears of it: WAL,
 * with full sync. All batches that come in one turn of the event loop share a transaction, as the
 * sync is what takes long.
 *
 * The file is for one server at a time. Another one that opens a world takes it over; the one before
 * can commit nothing more.
 */
export class SqliteStore implements Store {
  readonly capabilities = { durable: true };
  readonly #file: WorldsFile;
  #waiting: Waiting[] = [];
  #isClosed = false;

  /**
   * `file` is made when there is none. Throws `unsupported` when this Node has no SQLite, and
   * `bad_option` when the file is something else, damaged, or of a later version: then it is left as
   * it is.
   */
  constructor(file: string) {
    this.#file = new WorldsFile(file);
  }

  /** Throws `store_corrupt`, and leaves the file as it is. */
  load(world: string, newEpoch: string): StoredWorld {
    this.#flush();
    const { claim } = this.#file.statements;
    return this.#file.transaction(() =>
      this.#file.read(world, claim.get(world, newEpoch) as WorldRow),
    );
  }

  commit(world: string, batch: StoreBatch): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#isClosed) throw new SyncError("closed", "the store was closed");
      if (this.#waiting.length === 0) setImmediate(() => this.#flush());
      this.#waiting.push({ world, batch, resolve, reject });
    });
  }

  close(): void {
    if (this.#isClosed) return;
    this.#flush();
    this.#isClosed = true;
    this.#file.close();
  }

  /** Keeps what waits in one transaction, in which each batch succeeds or fails by itself. */
  #flush(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    if (waiting.length === 0) return;
    const kept: Waiting[] = [];
    try {
      this.#file.transaction(() => {
        for (const one of waiting) if (this.#keepOrReject(one)) kept.push(one);
      });
    } catch (cause) {
      for (const { reject } of waiting) reject(cause);
      return;
    }
    for (const { resolve } of kept) resolve();
  }

  #keepOrReject({ world, batch, reject }: Waiting): boolean {
    this.#file.database.exec("SAVEPOINT batch");
    try {
      this.#keep(world, batch);
      this.#file.database.exec("RELEASE batch");
      return true;
    } catch (cause) {
      this.#file.database.exec("ROLLBACK TO batch; RELEASE batch");
      reject(cause);
      return false;
    }
  }

  #keep(world: string, batch: StoreBatch): void {
    const { advance, putObject, dropTombstones, forget, dropSettled, putDecision } =
      this.#file.statements;
    const { term, expectedSeq, seq, nextHandle, horizon, ledgerHorizon, schemaVersion } = batch;
    const position = [seq, horizon, nextHandle, ledgerHorizon, schemaVersion];
    const { changes } = advance.run(...position, world, term, expectedSeq) as {
      changes: number | bigint;
    };
    if (Number(changes) !== 1) {
      throw new SyncError("deposed", `the world ${world} was opened by another server`);
    }
    for (const record of batch.objects()) putObject.run(world, ...objectValues(record));
    dropTombstones.run(world, horizon);
    for (const clientId of batch.forgotten) forget.run(world, clientId);
    for (const { clientId, n } of batch.settled()) dropSettled.run(world, clientId, n);
    for (const decision of batch.decided) putDecision.run(world, ...decisionValues(decision));
  }
}
