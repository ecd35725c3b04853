import { SyncError, type ObjectSyncServer, type Rule } from "../../index.ts";
import { Guard } from "./guard.ts";
import { LeaseKeeper } from "./lease-keeper.ts";
import { TTL_MIN_MS } from "./lease-request.ts";

export interface LeasesOptions {
  /** In which world; "default" unless given. */
  readonly world?: string;
  /** For how long a client may have a lease without being heard of, at most; 600,000 unless given. */
  readonly ttlMaxMs?: number;
  /** Leases that one client has or waits for at once, at most; 100 unless given. */
  readonly requestsPerClientMax?: number;
}

/**
 * What an application with `rules` adds to them, as `{ ...leaseRules, note: ... }`, so that clients can
 * have leases. What clients may do with them is for the plugin to say, whatever stands here.
 */
export const leaseRules = {
  lease: { read: true },
  "lease-request": { read: true, create: true, update: true, destroy: true },
} as const satisfies Record<string, Rule>;

/**
 * Leases on names: one client has a lease at a time, others wait in order, and whoever is not heard of
 * for its time to live has it no longer. Clients ask with `Leases` of object-sync/client/leases.
 *
 * ```ts
 * const sync = new ObjectSyncServer({ store, rules: { ...leaseRules, note: { read: true } } });
 * sync.use(leases());
 * ```
 */
export function leases(options: LeasesOptions = {}): (server: ObjectSyncServer) => void {
  const { world = "default", ttlMaxMs = 600_000, requestsPerClientMax = 100 } = checked(options);
  return (server) => {
    const keeper = new LeaseKeeper(server.world(world));
    const guard = new Guard(keeper.requests, { world, ttlMaxMs, requestsPerClientMax });
    server.authorize(guard.authorize);
    server.check(keeper.check);
    keeper.begin().catch(() => undefined); // a world that cannot be opened is told of by its server
  };
}

const NAMES: ReadonlySet<string> = new Set<keyof LeasesOptions>([
  "world",
  "ttlMaxMs",
  "requestsPerClientMax",
]);

/** Throws `bad_option`, naming the option. */
function checked(options: LeasesOptions): LeasesOptions {
  const strange = Object.keys(options).find((name) => !NAMES.has(name));
  if (strange !== undefined) throw bad(strange, "is none");
  const { world, ttlMaxMs = TTL_MIN_MS, requestsPerClientMax = 1 } = options;
  if (world !== undefined && typeof world !== "string") throw bad("world", "must be a text");
  if (!Number.isSafeInteger(ttlMaxMs) || ttlMaxMs < TTL_MIN_MS) {
    throw bad("ttlMaxMs", `must be a whole number from ${String(TTL_MIN_MS)}`);
  }
  if (!Number.isSafeInteger(requestsPerClientMax) || requestsPerClientMax < 1) {
    throw bad("requestsPerClientMax", "must be a whole number above 0");
  }
  return options;
}

function bad(property: string, reason: string): SyncError {
  return new SyncError("bad_option", `the option ${property} of leases ${reason}`, { property });
}
