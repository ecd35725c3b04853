import { SyncError } from "../lib/errors.ts";
import type { ObjectSyncServer } from "./object-sync-server.ts";

/** How much longer than its own limits a server may take to close before the process ends anyway. */
const CLOSE_TIMEOUT_MS = 30_000;
/** One Ctrl-C can come more than once: from the terminal, from npm and from a shell between them. */
const AGAIN_AFTER_MS = 1_000;

const EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const;

type Signal = keyof typeof EXIT_CODES;

export interface SignalOptions {
  /** How long closing may take, in milliseconds, before the process ends with exit code 1. */
  readonly timeoutMs?: number;
}

/**
 * Ends the process with SIGTERM or Ctrl-C as its server should end: nobody is let in any more, every
 * write that was taken is decided and stored, and the clients are told to come back. Then the exit
 * code is 0. A further signal, a second later or more, ends the process at once. Returns its undo.
 * Throws `bad_option`.
 *
 * ```ts
 * closeOnSignals(sync);
 * ```
 */
export function closeOnSignals(
  server: Pick<ObjectSyncServer, "close">,
  options: SignalOptions = {},
): () => void {
  const timeoutMs = patienceOf(options);
  let firstAt: number | undefined;
  const onSignal = (signal: Signal): void => {
    const now = performance.now();
    if (firstAt === undefined) {
      firstAt = now;
      void closeAndExit(server, timeoutMs);
    } else if (now - firstAt >= AGAIN_AFTER_MS) {
      process.exit(EXIT_CODES[signal]);
    }
  };
  for (const signal of SIGNALS) process.on(signal, onSignal);
  return () => {
    for (const signal of SIGNALS) process.off(signal, onSignal);
  };
}

/** At once: what is wrong must not show only when the process ends. */
function patienceOf({ timeoutMs = CLOSE_TIMEOUT_MS, ...others }: SignalOptions): number {
  const [unknown] = Object.keys(others);
  if (unknown === undefined && Number.isSafeInteger(timeoutMs) && timeoutMs > 0) return timeoutMs;
  const message = "closeOnSignals takes timeoutMs, a whole number above 0, and nothing else";
  throw new SyncError("bad_option", message, { property: unknown ?? "timeoutMs" });
}

const SIGNALS = Object.keys(EXIT_CODES) as Signal[];

async function closeAndExit(
  server: Pick<ObjectSyncServer, "close">,
  timeoutMs: number,
): Promise<void> {
  setTimeout(() => {
    console.error(`object-sync: not closed within ${timeoutMs / 1_000} s`);
    process.exit(1);
  }, timeoutMs);
  try {
    await server.close();
    process.exit(0);
  } catch (error) {
    console.error("object-sync: closing failed:", error);
    process.exit(1);
  }
}
