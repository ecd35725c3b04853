import { beforeAll, expect, test } from "@jest/globals";
import { prepare, runSeeds, type Report } from "./run.ts";

/** Any number more: `npm run simulate -- --seeds N --from S`. */
const SEEDS = 300;
/** They run side by side. */
const PROCESSES = 2;
const TEST_TIMEOUT_MS = 600_000;
/** All of this must have happened: what is not tried is not tested. */
const MUST_BE_SEEN = [
  "page",
  "resume",
  "resync",
  "new epoch",
  "outcome of a retry",
  "rename",
  "server crash",
  "server close",
  "crash between commit and reply",
  "power loss with unsynced writes",
  "full disk",
  "failed sync",
  "disk trouble while a server starts",
  "a batch in doubt was kept",
  "a batch in doubt was lost",
  "takeover",
  "server error deposed: the world was opened by somebody else",
  "backup restored",
  "backup that has all",
  "backup that lacks decisions",
  "goodbye slow_client",
  "goodbye token_expired",
  "goodbye unavailable",
  "server error timeout: the store has not answered for 5 s, and the world waits for it",
  "rejected gone",
  "rejected not_found",
  "rejected exists",
  "rejected refused",
  "rejected handler_failed",
  "rejected timeout",
  "rejected unavailable",
  "rejected closed",
  "rejected uncertain",
  "client forgotten",
  "restored view",
  "turn",
  "gate",
  "canary",
  "rejected forbidden",
  "rejected forbidden_field",
  "refusal of what was never to be seen",
  "a crowd comes",
  "a crowd turns",
  "storage failed",
  "visit sync done",
  "visit pull done",
  "visit push done",
  "visit register done",
  "visit repair done",
  "visit out_of_date",
  "visit interrupted by cut",
  "visit interrupted by clientCrash",
  "writes squashed",
  "writes came to nothing",
  "strict push",
  "lease granted",
  "lease handed on",
  "write by a lease",
  "write by a lease lease_lost",
  "lease lost: lease_lost",
  "request expired",
  "lock locked",
  "lock timeout",
  "meddling with leases",
  "a lease is ended",
  "leases: crash",
  "leases: halt",
  "leases: haltServer",
  "stays ok",
  "goes ok",
  "reset",
  "autoSync begins",
  "settled by itself",
];

let file = "";
beforeAll(async () => {
  file = await prepare("as-it-is");
});

test(
  `${SEEDS} seeds of trouble with network, clocks, processes and stores break no guarantee`,
  async () => {
    const each = SEEDS / PROCESSES;
    const reports = await Promise.all(
      Array.from({ length: PROCESSES }, (_, i) =>
        runSeeds(file, ["--seeds", String(each), "--from", String(1 + i * each)]),
      ),
    );
    for (const report of reports) if (report.violation !== undefined) throw new Error(told(report));
    const sum = (of: (report: Report) => number): number => reports.map(of).reduce((a, b) => a + b);
    expect(sum(({ runs }) => runs)).toBe(SEEDS);
    const unseen = MUST_BE_SEEN.filter((what) => sum(({ seen }) => seen[what] ?? 0) === 0);
    expect(unseen).toEqual([]);
    const seconds = Math.max(...reports.map((report) => report.seconds)).toFixed(1);
    const writes = sum((report) => report.writes);
    const commits = sum((report) => report.commits);
    const checks = sum((report) => report.checks);
    console.log(
      `${SEEDS} seeds: ${writes} writes, ${commits} commits, ${checks} checks in ${seconds} s`,
    );
  },
  TEST_TIMEOUT_MS,
);

test(
  "the same seeds do the same in another process",
  async () => {
    const seeds = ["--from", "1", "--seeds", "9"];
    const [one, other] = await Promise.all([runSeeds(file, seeds), runSeeds(file, seeds)]);
    expect(one.hash).toBe(other.hash);
  },
  TEST_TIMEOUT_MS,
);

function told({ seed, violation, traceTail = [] }: Report): string {
  const replay = `npm run simulate -- --seed ${seed ?? ""}`;
  const what = `seed ${seed ?? ""} violates ${violation?.guarantee ?? ""}: ${violation?.message ?? ""}`;
  return [...traceTail, what, replay].join("\n");
}
