import { SyncError } from "../../../lib/index.ts";
import type { Archive, WorldCopy } from "../archive.ts";
import { decisionValues, objectValues } from "./statements.ts";
import { checkEmpty, type NamedWorldRow } from "../stored-world.ts";
import { WorldsFile } from "./worlds-file.ts";

/** The worlds in a file of a `SqliteStore`, which a server may have open. */
export class SqliteArchive implements Archive {
  readonly #path: string;
  #opened: WorldsFile | undefined;

  /** Nothing is opened, or made when there is none, before something is asked for: see `SqliteStore`. */
  constructor(file: string) {
    this.#path = file;
  }

  copy(names?: readonly string[]): readonly WorldCopy[] {
    return this.#file.transaction(
      () =>
        this.#rows()
          .filter(({ name }) => names?.includes(name) ?? true)
          .map((row) => this.#file.copy(row)),
      "DEFERRED",
    );
  }

  put(worlds: readonly WorldCopy[], isReplacing: boolean): void {
    this.#file.transaction(() => {
      const rows = this.#rows();
      for (const world of worlds) {
        if (!isReplacing) checkEmpty(world.name, rows);
        this.#put(world);
      }
    });
  }

  setEpochs(epochs: ReadonlyMap<string, string>): void {
    this.#file.transaction(() => {
      for (const [name, epoch] of epochs) {
        const { changes } = this.#file.statements.putEpoch.run(epoch, name) as {
          changes: number | bigint;
        };
        if (Number(changes) !== 1) throw new SyncError("not_found", `there is no world ${name}`);
      }
    });
  }

  close(): void {
    this.#opened?.close();
    this.#opened = undefined;
  }

  get #file(): WorldsFile {
    this.#opened ??= new WorldsFile(this.#path);
    return this.#opened;
  }

  #rows(): NamedWorldRow[] {
    return this.#file.statements.worlds.all() as NamedWorldRow[];
  }

  #put({
    name,
    epoch,
    seq,
    horizon,
    nextHandle,
    ledgerHorizon,
    schemaVersion,
    objects,
    decided,
  }: WorldCopy): void {
    const { putWorld, dropObjects, dropDecisions, putObject, putDecision } = this.#file.statements;
    putWorld.run(name, epoch, seq, horizon, nextHandle, ledgerHorizon, schemaVersion);
    dropObjects.run(name);
    dropDecisions.run(name);
    for (const object of objects) putObject.run(name, ...objectValues(object));
    for (const decision of decided) putDecision.run(name, ...decisionValues(decision));
  }
}
