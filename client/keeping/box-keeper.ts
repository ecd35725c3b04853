import type { Cancel, Environment } from "../../lib/environment.ts";
import { SyncError } from "../../lib/errors.ts";
import type { ObjectId } from "../../lib/object.ts";
import type { Write } from "../outbox.ts";
import type { Keeper, KeepListener, KeepSource, Kept } from "../persistence.ts";
import type { Box, BoxChanges } from "./box.ts";
import { clientToText, isUnsent, objectToText, writeToText } from "./kept-text.ts";

/** What the server tells is kept with the next write, or when this is over. */
const OBJECTS_AFTER_MS = 1_000;
const RETRY_AFTER_MS = 2_000;

/** What is to be kept at one moment, and what is true once it is. */
interface Cut {
  readonly changes: BoxChanges;
  readonly isReplacing: boolean;
  readonly ids: ReadonlySet<ObjectId>;
  readonly settled: number;
  readonly writes: readonly Write[];
  readonly texts: ReadonlyMap<string, string>;
  readonly restarts: number;
  readonly localVersion: number;
}

/**
 * Keeps one client's state in a box. Whenever it keeps anything, it keeps all that is new, in one
 * step: the confirmed objects with their cursor, and the undecided writes. So a write that was decided
 * leaves the box together with the coming of what it did.
 */
export class BoxKeeper implements Keeper {
  readonly kept: Kept | undefined;
  readonly #box: Box;
  /** Whether the box does not have yet what is kept. */
  readonly #isNew: boolean;
  readonly #environment: Environment;
  #source!: KeepSource;
  #isStarted = false;
  #listener!: KeepListener;
  #settled = 0;
  /** Where each write is in the box: by its place, which it keeps when it gets another number. */
  readonly #places = new WeakMap<Write, number>();
  #nextPlace = 0;
  /** The writes that the box holds, and the keys of all that it may hold. */
  #texts: ReadonlyMap<string, string>;
  readonly #keys: Set<string>;
  /** How often all writes were to be kept anew. */
  #restarts = 0;
  /** What stays here is kept as it was then, as the listener knows. */
  #localVersion = 0;
  #ids = new Set<ObjectId>();
  #isReplacing = false;
  #isDue = false;
  #isClosed = false;
  #isGivenUp = false;
  #stopTimer: Cancel | undefined;
  #writing: Promise<void> = Promise.resolve();
  #isWriting = false;

  constructor(
    box: Box,
    kept: Kept | undefined,
    texts: ReadonlyMap<string, string>,
    environment: Environment,
    isNew: boolean,
  ) {
    this.#box = box;
    this.#isNew = isNew;
    this.kept = kept;
    this.#texts = texts;
    this.#keys = new Set(texts.keys());
    this.#environment = environment;
  }

  get settled(): number {
    return this.#isGivenUp && this.#texts.size === 0 ? Infinity : this.#settled;
  }

  start(source: KeepSource, listener: KeepListener): void {
    this.#isStarted = true;
    this.#source = source;
    this.#listener = listener;
    // In their order now; those that were kept may get other places than they had.
    for (const write of source.outbox) this.#places.set(write, this.#nextPlace++);
    this.noteWrites();
    if (this.#isNew && this.kept !== undefined) this.noteObjects("all");
  }

  noteRestart(): void {
    this.#restarts += 1;
    this.#settled = 0;
    this.noteWrites();
  }

  noteWrites(): void {
    if (this.#isDue || this.#isClosed) return;
    this.#isDue = true;
    this.#environment.scheduler.soon(() => {
      this.#isDue = false;
      this.#keep();
    });
  }

  noteObjects(ids: readonly ObjectId[] | "all"): void {
    if (this.#isClosed || this.#isGivenUp) return;
    if (ids === "all") this.#isReplacing = true;
    else for (const id of ids) this.#ids.add(id);
    this.#keepIn(OBJECTS_AFTER_MS);
  }

  async close(isFinished: boolean): Promise<void> {
    if (this.#isStarted) await this.#end(isFinished);
    this.#box.release();
  }

  async #end(isFinished: boolean): Promise<void> {
    let last = this.#cut(); // now: the client is about to forget it
    this.#isClosed = true;
    this.#stopTimer?.();
    await this.#writing;
    // What was being written may have failed. The writes are gone by now; the objects are as they were.
    last = { ...last, ...this.#takeObjects(last) };
    try {
      if (isFinished || this.#isGivenUp) await this.#box.remove();
      else await this.#write(last);
    } catch (cause) {
      this.#tell(() => this.#listener.failed(toError(cause)));
    }
  }

  /** Who is told and throws is wrong, and is heard of elsewhere: what is new is kept all the same. */
  #tell(act: () => void): void {
    try {
      act();
    } catch (cause) {
      this.#environment.scheduler.soon(() => {
        throw cause;
      });
    }
  }

  #keepIn(delayMs: number): void {
    this.#stopTimer ??= this.#environment.scheduler.after(delayMs, () => {
      this.#stopTimer = undefined;
      this.#keep();
    });
  }

  /** One at a time; what is noted meanwhile is kept after it. */
  #keep(): void {
    if (this.#isWriting || this.#isClosed) return;
    if (this.#isGivenUp) {
      if (this.#isBehind()) this.#goOn(); // or who hears of it would ask again, and again
      return;
    }
    this.#stopTimer?.();
    this.#stopTimer = undefined;
    this.#isWriting = true;
    this.#writing = this.#keepCut(this.#cut());
  }

  async #keepCut(cut: Cut): Promise<void> {
    const problem = await this.#write(cut).then(
      () => undefined,
      (cause: unknown) => toError(cause),
    );
    if (problem === undefined) this.#isIn(cut);
    else await this.#isNotIn(cut, problem);
    this.#isWriting = false;
    if (problem !== undefined) this.#keepIn(this.#isGivenUp ? 0 : RETRY_AFTER_MS);
    else if (this.#isBehind()) this.noteWrites();
    else if (this.#ids.size > 0 || this.#isReplacing) this.#keepIn(OBJECTS_AFTER_MS);
  }

  #isIn({ texts, restarts, settled, writes, localVersion }: Cut): void {
    this.#texts = texts;
    this.#keys.clear();
    for (const key of texts.keys()) this.#keys.add(key);
    if (restarts !== this.#restarts) return;
    this.#settled = settled;
    this.#localVersion = localVersion;
    this.#tell(() => this.#listener.kept(writes, true, localVersion));
  }

  async #isNotIn(cut: Cut, problem: SyncError): Promise<void> {
    for (const id of cut.ids) this.#ids.add(id);
    this.#isReplacing ||= cut.isReplacing;
    this.#tell(() => this.#listener.failed(problem));
    await this.#giveUpIfPossible();
  }

  #write({ changes, isReplacing }: Cut): Promise<void> {
    return isReplacing ? this.#box.replace(changes) : this.#box.write(changes);
  }

  /** All that is new, as it is at this moment. */
  #cut(): Cut {
    const { schema, outbox, replica } = this.#source;
    const clientId = this.#source.clientId();
    const isConnected = this.#source.isConnected();
    const { epoch, nextNumber, settled, localVersion } = outbox;
    const user = this.#source.user();
    const client = { clientId, schema, user, cursor: replica.cursor, epoch, nextNumber };
    const changes: BoxChanges = new Map([[this.#box.clientKey, clientToText(client)]]);

    const writes = [...outbox];
    this.#putInOrder(outbox.held);
    this.#putInOrder(outbox.numbered);
    const texts = new Map<string, string>();
    for (const write of writes) {
      const key = this.#box.writeKey(this.#placeOf(write));
      // Whether it is sent in a moment: a client that ends in between must not think that it was not.
      // What waits for the application is not.
      const isSent = isConnected && write.collisions === undefined;
      texts.set(key, writeToText(write, write.wasSent || isSent));
    }
    for (const key of this.#keys) if (!texts.has(key)) changes.set(key, undefined);
    for (const [key, text] of texts) {
      this.#keys.add(key);
      if (this.#texts.get(key) !== text) changes.set(key, text);
    }

    const objects = this.#takeObjects({ changes, isReplacing: false, ids: new Set() });
    const restarts = this.#restarts;
    return { changes, ...objects, settled, writes, texts, restarts, localVersion };
  }

  /** Adds the objects that are not in the box as they are now. */
  #takeObjects(to: Pick<Cut, "changes" | "isReplacing" | "ids">): Omit<typeof to, "changes"> {
    const { replica } = this.#source;
    const isReplacing = this.#isReplacing || to.isReplacing;
    const ids = this.#isReplacing ? new Set(replica.confirmedIds()) : this.#ids;
    this.#ids = new Set();
    this.#isReplacing = false;
    for (const id of ids) {
      const confirmed = replica.confirmed(id);
      to.changes.set(this.#box.objectKey(id), confirmed && objectToText(confirmed));
    }
    return { isReplacing, ids: new Set([...to.ids, ...ids]) };
  }

  /** Those that were made one may stand before older ones: what comes after them gets other places. */
  #putInOrder(writes: readonly Write[]): void {
    let last = -1;
    for (const write of writes) {
      if (this.#placeOf(write) < last) this.#places.set(write, this.#nextPlace++);
      last = this.#placeOf(write);
    }
  }

  #placeOf(write: Write): number {
    const place = this.#places.get(write) ?? this.#nextPlace++;
    this.#places.set(write, place);
    return place;
  }

  /** Nothing is kept any more. What is in the box still would come back: until that is gone, nothing is told to be. */
  #goOn(): void {
    const { outbox } = this.#source;
    if (this.#texts.size === 0) this.#localVersion = outbox.localVersion;
    this.#tell(() => this.#listener.kept([...outbox], false, this.#localVersion));
  }

  /** Whether there is a write that must wait until it is kept as it is now, or until what it destroyed is gone. */
  #isBehind(): boolean {
    const isHere = !this.#isGivenUp || this.#texts.size === 0;
    if (isHere && this.#source.outbox.localVersion > this.#localVersion) return true;
    for (const { isKept } of this.#source.outbox) if (!isKept) return true;
    return false;
  }

  /**
   * Without a storage that works, a client goes on as if it had none, and what it writes is sent: but
   * not as long as there is a write in the box, which would be taken for one of those after an end.
   */
  async #giveUpIfPossible(): Promise<void> {
    if (!this.#source.isConnected()) return;
    for (const write of this.#source.outbox) {
      if (this.#texts.has(this.#box.writeKey(this.#placeOf(write)))) return;
    }
    // Of these others may have been made.
    for (const text of this.#texts.values()) if (isUnsent(text)) return;
    this.#isGivenUp = true;
    await this.#removeBox();
  }

  /**
   * Until it is gone. What is decided and still in the box would be asked for again, so that until
   * then the server must remember what became of it.
   */
  async #removeBox(): Promise<void> {
    try {
      await this.#box.remove();
      this.#texts = new Map();
      this.#goOn();
    } catch {
      this.#environment.scheduler.after(RETRY_AFTER_MS, () => {
        if (!this.#isClosed) void this.#removeBox();
      });
    }
  }
}

function toError(cause: unknown): SyncError {
  if (cause instanceof SyncError) return cause;
  const message = "the storage failed: what is new is kept as soon as it works again";
  return new SyncError("storage_failed", message, { cause });
}
