import { SyncError } from "../../index.ts";

export interface DriveOptions {
  /** By which an application keeps a state for each drive; "object-sync" unless given. */
  readonly name?: string;
  /** What the ids of the drive's objects begin with; "file" unless given. */
  readonly namespace?: string;
  /** How long a holder of the lock may be silent before it is taken for dead; 30 s unless given. */
  readonly leaseMs?: number;
  /** How long one operation may take, the way to the server included; 30 s unless given. */
  readonly timeoutMs?: number;
  /** How many changes of the drive this device has seen: `lastChange` of the state that it has kept. */
  readonly lastChange?: number;
  /** Told of a document that is not there to be put; `console.warn` unless given. */
  readonly onWarn?: (message: string) => void;
}

const NAMES: ReadonlySet<string> = new Set<keyof DriveOptions>([
  "name",
  "namespace",
  "leaseMs",
  "timeoutMs",
  "lastChange",
  "onWarn",
]);

/** A timer that is given more fires at once. */
const TIMER_MAX_MS = 2 ** 31 - 1;

/** Throws `bad_option`, naming the option. */
export function checked(options: DriveOptions): Required<DriveOptions> {
  const strange = Object.keys(options).find((name) => !NAMES.has(name));
  if (strange !== undefined) throw bad(strange, "is none");
  const { name = "object-sync", namespace = "file", lastChange = 0 } = options;
  const { leaseMs = 30_000, timeoutMs = 30_000, onWarn = console.warn } = options;
  if (typeof name !== "string" || name === "") throw bad("name", "must be a text");
  if (typeof namespace !== "string" || !/^[^:]+$/.test(namespace)) {
    throw bad("namespace", "must be a namespace, without its colon");
  }
  for (const [option, value] of Object.entries({ leaseMs, timeoutMs })) {
    if (!Number.isFinite(value) || value <= 0) throw bad(option, "must be a number above 0");
  }
  if (!Number.isSafeInteger(lastChange) || lastChange < 0) {
    throw bad("lastChange", "must be a count");
  }
  if (typeof onWarn !== "function") throw bad("onWarn", "must be a function");
  const timed = (ms: number): number => Math.min(ms, TIMER_MAX_MS);
  const times = { leaseMs: timed(leaseMs), timeoutMs: timed(timeoutMs) };
  return { name, namespace, ...times, lastChange, onWarn };
}

function bad(name: string, reason: string): SyncError {
  const message = `dbToCloudDrive's option ${name} ${reason}`;
  return new SyncError("bad_option", message, { property: name });
}
