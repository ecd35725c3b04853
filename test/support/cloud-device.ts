import dbToCloud, { type Cloud } from "db-to-cloud";
import type { ObjectSync } from "../../client/index.ts";
import {
  dbToCloudDrive,
  type CloudDrive,
  type DriveOptions,
} from "../../client/plugins/db-to-cloud/index.ts";
import type { Stage } from "./stage.ts";

export interface Doc {
  readonly _id: string;
  readonly _rev: number;
  readonly text?: string;
}

/** What dies with a process that is killed, and what does not: what this says is "nothing any more". */
const never = new Promise<never>(() => undefined);

/** Quick enough for tests: a dead holder is taken over after a tenth of a second. */
const HASTY_DRIVE: DriveOptions = { leaseMs: 100 };
const HASTY_CLOUD = { retryDelay: 0.02, retryExp: 1, retryMaxAttempts: 500 };

/**
 * A device with an application on db-to-cloud: its documents, and what it has kept of the sync, survive when it
 * is killed; all else begins anew.
 */
export class CloudDevice {
  readonly docs = new Map<string, Doc>();
  readonly warnings: string[] = [];
  readonly progress: unknown[] = [];
  /** Documents of equal revisions that are different all the same. */
  readonly disagreements: string[] = [];
  /** The operations of the drive, in their order. */
  operations: string[] = [];
  /** By the drive's name, as text: what the application keeps for db-to-cloud. */
  readonly kept = new Map<string, string>();
  /** Changes that db-to-cloud has not kept yet: they are told again after a crash. */
  readonly #uncommitted = new Map<string, number>();
  readonly #stage: Stage;
  readonly #more: object;
  #client!: ObjectSync;
  #cloud!: Cloud;
  #life = 0;
  #onDeath: (() => void) | undefined;
  #dieAt: string | undefined;

  constructor(stage: Stage, more: object = {}) {
    this.#stage = stage;
    this.#more = { ...HASTY_CLOUD, ...more };
  }

  get cloud(): Cloud {
    return this.#cloud;
  }

  get client(): ObjectSync {
    return this.#client;
  }

  /** Starts, or starts again after it was killed. */
  async boot(url: string, options: DriveOptions = {}): Promise<this> {
    this.#life += 1;
    const life = this.#life;
    const isAlive = (): boolean => this.#life === life;
    this.#client = await this.#stage.join(url);
    const onWarn = (message: string): void => void this.warnings.push(message);
    const drive = dbToCloudDrive(this.#client, { ...HASTY_DRIVE, onWarn, ...options });
    this.#cloud = dbToCloud.dbToCloud({
      onGet: (id: string) => this.docs.get(id),
      onPut: (doc: Doc) => this.#put(doc),
      onDelete: (id: string, revision: number) => this.#delete(id, revision),
      onFirstSync: () => {
        for (const { _id, _rev } of this.docs.values()) this.#cloud.put(_id, _rev);
      },
      onWarn,
      onProgress: (step: unknown) => this.progress.push(step),
      compareRevision: (one: number, other: number) => one - other,
      getState: ({ name }: CloudDrive) => JSON.parse(this.kept.get(name) ?? "null") as unknown,
      setState: ({ name }: CloudDrive, state: object | null) => {
        if (!isAlive()) return;
        this.kept.set(name, JSON.stringify(state));
        this.#uncommitted.clear();
      },
      ...this.#more,
    });
    this.#cloud.use(this.#mortal(drive, isAlive));
    await this.#cloud.init();
    for (const [id, revision] of this.#uncommitted) this.#cloud.put(id, revision);
    return this;
  }

  write(id: string, text: string, revision = (this.docs.get(id)?._rev ?? 0) + 1): void {
    this.docs.set(id, { _id: id, _rev: revision, text });
    this.#uncommitted.set(id, revision);
    this.#cloud.put(id, revision);
  }

  remove(id: string): void {
    const revision = (this.docs.get(id)?._rev ?? 0) + 1;
    this.docs.delete(id);
    this.#cloud.delete(id, revision);
  }

  sync(): Promise<void> {
    return this.#cloud.syncNow(false);
  }

  /** Has it die with an operation of its drive ("3 before", "3 after": the third); resolves when it is dead. */
  syncUntil(moment: string): Promise<void> {
    this.operations = [];
    this.#dieAt = moment;
    return new Promise((resolve, reject) => {
      this.#onDeath = resolve;
      this.sync().then(() => reject(new Error(`it has lived on: ${moment}`)), reject);
    });
  }

  /** As with `kill -9`: nothing is let go of, nothing is kept any more. */
  async kill(): Promise<void> {
    this.#life += 1;
    await this.#client.close();
  }

  #put(doc: Doc): void {
    const own = this.docs.get(doc._id);
    if (own !== undefined && own._rev === doc._rev && own.text !== doc.text) {
      // The same answer everywhere; who had the other one says so under a newer revision.
      this.disagreements.push(doc._id);
      const [text = ""] = [own.text ?? "", doc.text ?? ""].sort();
      if (text === own.text) this.write(doc._id, text, doc._rev + 1);
      else this.docs.set(doc._id, doc);
    } else if (own === undefined || own._rev < doc._rev) {
      this.docs.set(doc._id, doc);
    }
  }

  #delete(id: string, revision: number): void {
    const own = this.docs.get(id);
    if (own !== undefined && own._rev < revision) this.docs.delete(id);
  }

  /** The drive, whose operations are counted, and end with the device. */
  #mortal(drive: CloudDrive, isAlive: () => boolean): object {
    const call = async (name: string, operate: (...args: never[]) => unknown, args: unknown[]) => {
      if (!isAlive()) return never;
      const path = typeof args[0] === "string" ? ` ${args[0]}` : "";
      this.operations.push(name + path);
      const count = String(this.operations.length);
      if (this.#dieAt === `${count} before`) return this.#die();
      const result = await operate(...(args as never[]));
      if (this.#dieAt === `${count} after`) return this.#die();
      return isAlive() ? result : never;
    };
    const operations = Object.entries(drive).map(([name, value]) => [
      name,
      typeof value !== "function"
        ? (value as unknown)
        : (...args: unknown[]) => call(name, value as (...args: never[]) => unknown, args),
    ]);
    return Object.fromEntries(operations) as object;
  }

  async #die(): Promise<never> {
    this.#dieAt = undefined;
    await this.kill();
    this.#onDeath?.();
    return never;
  }
}
