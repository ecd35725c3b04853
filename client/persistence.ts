import type { Cursor } from "../lib/delta.ts";
import type { Environment } from "../lib/environment.ts";
import type { SyncError } from "../lib/errors.ts";
import type { Migrations } from "../lib/migrations.ts";
import type { ObjectId } from "../lib/object.ts";
import type { ConfirmedObject, Replica } from "../lib/replica.ts";
import type { KeptWrite, Outbox, Write } from "./outbox.ts";

/**
 * Keeps the state of clients beyond the life of their page or process. The core knows no more of it
 * than this, so that who needs none does not load it: `client/storage` has the one there is.
 */
export interface Persistence {
  /**
   * Finds what an earlier client of this world has left and no other client is using, or begins
   * anew. What was written with another version of the schema than that of `migrations` is an orphan,
   * and what was seen is brought to this one. Rejects with `storage_failed` when that cannot be told.
   */
  open(
    world: string,
    environment: Environment,
    migrations: Migrations | undefined,
  ): Promise<Opened>;
}

export interface Opened {
  /** What this client goes on with. */
  readonly own: Keeper;
  /** Clients that have ended with undecided writes, each to be finished under its own name. */
  readonly orphans: readonly Keeper[];
  /** What was left and cannot be used: to be told, as what it holds may be missed. */
  readonly problems: readonly SyncError[];
  /**
   * Begins anew, when `own` is finished; `isAll` removes what clients have left that have ended.
   * Rejects with `storage_failed`.
   */
  renew(isAll: boolean): Promise<Keeper>;
  /** After the last keeper. */
  close(): Promise<void>;
}

/** The state of one client, as it was kept at one moment. */
export interface Kept {
  readonly clientId: string;
  /** Of which version of the application's schema its objects and writes are. */
  readonly schema: number;
  /** Whose all this is, if the server has told. */
  readonly user: string | undefined;
  readonly cursor: Cursor;
  readonly objects: readonly ConfirmedObject[];
  /** Which ledger the numbers of the writes belong to, and which number comes next. */
  readonly epoch: string;
  readonly nextNumber: number;
  /** In their order. */
  readonly writes: readonly KeptWrite[];
}

/** The live state that is to be kept: always read at one moment, between two steps. */
export interface KeepSource {
  clientId(): string;
  readonly schema: number;
  readonly outbox: Outbox;
  user(): string | undefined;
  readonly replica: Replica;
  isConnected(): boolean;
}

export interface KeepListener {
  /**
   * These may be sent now, and what stays here is kept as it was at `localVersion`. `isStored`: they
   * are kept; otherwise there is no storage any more.
   */
  kept(writes: readonly Write[], isStored: boolean, localVersion: number): void;
  /** Something could not be kept. It is tried again. */
  failed(error: SyncError): void;
}

/** Keeps the state of one client. Nothing that it does throws. */
export interface Keeper {
  /** Undefined when it begins anew. */
  readonly kept: Kept | undefined;
  /** The client knows, and will know after any end, what became of its writes up to this one. */
  readonly settled: number;
  start(source: KeepSource, listener: KeepListener): void;
  /** Writes were added or taken out: soon. */
  noteWrites(): void;
  /** All writes may have other numbers, and will be sent: none of them is kept as it is now. */
  noteRestart(): void;
  /** The server has confirmed something of these objects, or of all: in a while. */
  noteObjects(ids: readonly ObjectId[] | "all"): void;
  /**
   * Keeps the last, then lets others have it; a client that has nothing left to do is removed. What
   * was never started is left as it is.
   */
  close(isFinished: boolean): Promise<void>;
}
