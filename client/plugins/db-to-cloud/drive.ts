import { SyncError, type ObjectSyncLike } from "../../index.ts";
import { Calls, type Transaction } from "./calls.ts";
import { DriveError } from "./drive-error.ts";
import { DriveLock } from "./drive-lock.ts";
import { checked, type DriveOptions } from "./options.ts";
import { Paths } from "./paths.ts";

/** What db-to-cloud keeps about a drive in it. */
interface Meta {
  readonly lastChange?: number;
}

/** A drive as db-to-cloud wants it: files of text by their paths, and a lock. */
export interface CloudDrive {
  readonly name: string;
  readonly init: () => Promise<void>;
  readonly uninit: () => Promise<void>;
  /** Rejects with `ENOENT`. */
  readonly get: (path: string) => Promise<string>;
  readonly put: (path: string, data: string) => Promise<void>;
  /** Rejects with `EEXIST`. */
  readonly post: (path: string, data: string) => Promise<void>;
  /** Of a file that is not there, too. */
  readonly delete: (path: string) => Promise<void>;
  /** What is below a folder, also in folders there, as seen from it. */
  readonly list: (folder: string) => Promise<string[]>;
  /** Rejects with `ESTALE` when the drive has fewer changes than were seen in it. */
  readonly getMeta: () => Promise<Meta>;
  readonly putMeta: (meta: Meta) => Promise<void>;
  /** Rejects with a LockError while somebody else has the lock. */
  readonly acquireLock: () => Promise<void>;
  readonly releaseLock: () => Promise<void>;
}

/** A file may be created or destroyed by somebody else, between look and write, so often. */
const ATTEMPTS = 5;
const META = "meta.json";

/**
 * A drive for db-to-cloud on a client of object-sync, which must be shown all objects of the drive's
 * namespace.
 *
 * ```ts
 * const cloud = dbToCloud({ ... });
 * cloud.use(dbToCloudDrive(new ObjectSync(url, { world: "drive" })));
 * ```
 */
export function dbToCloudDrive(sync: ObjectSyncLike, options: DriveOptions = {}): CloudDrive {
  const { name, namespace, leaseMs, timeoutMs, lastChange, onWarn } = checked(options);
  if (!sync.isLive) {
    const message =
      "a drive needs a client that is live: it would wait for a sync that nobody asks for";
    throw new SyncError("bad_option", message, { property: "live" });
  }
  const paths = new Paths(namespace);
  const calls = new Calls(sync, timeoutMs);
  const lock = new DriveLock(sync, calls, paths, leaseMs);
  let seen = lastChange;

  const read = async (path: string): Promise<string | undefined> => {
    const id = paths.idOf(path);
    await lock.look(id);
    const content = sync.get(id)?.["content"];
    return typeof content === "string" ? content : undefined;
  };

  /** Looks again when somebody else was faster. */
  const write = async (id: string, fill: (steps: Transaction) => void): Promise<void> => {
    for (let attempt = 1; ; attempt++) {
      try {
        await lock.write(fill);
        return;
      } catch (error) {
        if (!isRace(error, id) || attempt === ATTEMPTS) throw error;
      }
    }
  };

  const put = async (path: string, data: string): Promise<void> => {
    if (isMissing(path, data)) {
      onWarn(`There is nothing to put at ${path}: it was removed without telling. It is left out.`);
      return;
    }
    const id = paths.idOf(path);
    await lock.look(id);
    await write(id, (steps) => {
      if (sync.get(id) === undefined) steps.create({ id, content: data });
      else steps.update({ id, content: data });
    });
  };

  const note = ({ lastChange: changes = 0 }: Meta): void => {
    if (changes < seen) {
      const message = `this drive was put back: it has ${String(changes)} changes, of ${String(seen)} that were seen`;
      throw new DriveError("ESTALE", message);
    }
    seen = changes;
  };

  return {
    name,
    init: () => calls.ready(),
    uninit: () => lock.release(),
    get: async (path) => {
      const content = await read(path);
      if (content === undefined) throw new DriveError("ENOENT", `there is no file ${path}`);
      return content;
    },
    put,
    post: async (path, data) => {
      const id = paths.idOf(path);
      try {
        await lock.write((steps) => steps.create({ id, content: data }));
      } catch (error) {
        if (!(error instanceof SyncError) || error.code !== "exists") throw error;
        throw new DriveError("EEXIST", `there is a file ${path} already`, error);
      }
    },
    delete: async (path) => {
      const id = paths.idOf(path);
      await lock.look(id);
      await write(id, (steps) => {
        if (sync.get(id) !== undefined) steps.destroy(id);
      });
    },
    list: async (folder) => {
      await lock.look(paths.idOf(META));
      return paths.below(folder, sync.allObjects().keys());
    },
    getMeta: async () => {
      const meta = JSON.parse((await read(META)) ?? "{}") as Meta;
      note(meta);
      return meta;
    },
    putMeta: async (meta) => {
      await put(META, JSON.stringify(meta));
      note(meta);
    },
    acquireLock: () => lock.acquire(),
    releaseLock: () => lock.release(),
  };
}

/**
 * Whether this is a document that its application does not have: db-to-cloud would upload it as
 * `{ _rev }`, and every new client would fail on it.
 */
function isMissing(path: string, data: unknown): boolean {
  if (!path.startsWith("docs/")) return false;
  if (typeof data !== "string") return true; // what JSON makes of undefined
  const file = jsonOf(data);
  if (typeof file !== "object" || file === null) return false;
  return Object.keys(file).every((name) => name === "_rev");
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // whatever it is, it is something
  }
}

function isRace(error: unknown, id: string): boolean {
  if (!(error instanceof SyncError) || error.id !== id) return false;
  return ["exists", "gone", "not_found"].includes(error.code);
}
