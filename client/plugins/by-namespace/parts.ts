import { SyncError, type Callback, type ObjectSync, type Status } from "../../index.ts";

/** Each the less connected than the next. */
const STATUSES: readonly Status[] = ["closed", "offline", "connecting", "syncing", "synced"];

/** Several clients, and which objects are whose. */
export class Parts<Models extends object> {
  readonly first: ObjectSync<Models>;
  readonly all: readonly ObjectSync<Models>[];
  /** Those that are not live; if there are none, a live one, which says so. */
  readonly visited: readonly ObjectSync<Models>[];
  /** Whose connections count: those of the live ones; if there are none, of all. */
  readonly leading: readonly ObjectSync<Models>[];
  /** Whether any of them is. */
  readonly isLive: boolean;
  readonly #named: ReadonlyMap<string, ObjectSync<Models>>;

  constructor(first: ObjectSync<Models>, named: ReadonlyMap<string, ObjectSync<Models>>) {
    this.first = first;
    this.#named = named;
    this.all = [...new Set([first, ...named.values()])];
    const live = this.all.filter(({ isLive }) => isLive);
    const explicit = this.all.filter(({ isLive }) => !isLive);
    this.isLive = live.length > 0;
    this.leading = this.isLive ? live : this.all;
    this.visited = explicit.length > 0 ? explicit : [first];
  }

  /** Whose the object is. */
  of(id: unknown): ObjectSync<Models> {
    const namespace = typeof id === "string" ? id.slice(0, Math.max(0, id.indexOf(":"))) : "";
    return this.#named.get(namespace) ?? this.first;
  }

  get status(): Status {
    const ranks = this.leading.map(({ status }) => STATUSES.indexOf(status));
    return STATUSES[this.isLive ? Math.min(...ranks) : Math.max(...ranks)] as Status;
  }

  get isConnected(): boolean {
    return this.status === "syncing" || this.status === "synced";
  }

  /** By way of a client, so that what a callback throws is an `error` event as elsewhere. */
  answer<Result>(
    begin: () => Promise<Result>,
    callback: Callback<Result> | undefined,
  ): Promise<Result> {
    const call = (told: unknown): Promise<unknown> => this.first.fetch([], told as never);
    if (!isCallback(callback)) return call(callback) as Promise<never>;
    const result = begin();
    result.then(
      (found) => callback && call(() => callback(null, found)),
      (error: unknown) => callback && call(() => callback(error as SyncError)),
    );
    return result;
  }
}

export function isCallback(callback: unknown): boolean {
  return callback === undefined || typeof callback === "function";
}

/** Undefined also when it cannot be read: whoever gets the object says what is wrong. */
export function idOf(object: unknown): unknown {
  try {
    return (Object(object) as { id?: unknown }).id;
  } catch {
    return undefined;
  }
}
