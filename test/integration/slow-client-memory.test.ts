import { afterEach, expect, test } from "@jest/globals";
import { eventually } from "../support/eventually.ts";
import type { Network } from "../support/network.ts";
import { ServerProcess } from "../support/server-process.ts";
import { Stage, TAPPED, urlOf } from "../support/stage.ts";

const MIB = 1024 * 1024;
/** Of 200 KiB each: more than 23 MiB, of which the kernel's buffers take some before all the rest waits. */
const ROUNDS = 120;
/** What waits for one client at most, by default 1 MiB, and as much again and more for the rest. */
const GROWTH_MAX_BYTES = 4 * MIB;

const stage = new Stage();
afterEach(() => stage.clear());

interface Stalled {
  /** By how much a client that reads nothing raised the highest memory of the server's process. */
  readonly growthBytes: number;
  readonly network: Network;
  /** The last round that the client has seen. */
  readonly seen: () => unknown;
}

/**
 * Lets a world change as much twice: with nobody there, and with a client that has stopped reading.
 * Only the servers are in the process that is measured.
 */
async function stall(path: "/capped" | "/uncapped"): Promise<Stalled> {
  const child = await ServerProcess.start("test/support/churning-server.ts", /port (\d+)/);
  stage.afterwards(() => child.kill());
  const url = urlOf(child.port);
  const peakOfChurn = async (until: number): Promise<number> => {
    const response = await fetch(`${url}/churn${path}/${until}`);
    const answer = await response.text();
    if (!response.ok) throw new Error(answer);
    return Number(answer);
  };

  const without = await peakOfChurn(ROUNDS);
  const network = await stage.network(child.port);
  const slow = await stage.join(network.url, { path, ...TAPPED });
  network.stopDelivering();
  const growthBytes = (await peakOfChurn(2 * ROUNDS)) - without;
  return { growthBytes, network, seen: () => slow.get("large")?.["round"] };
}

test("a client that stops reading costs the server's process no more memory than its cap and a little, however much changes", async () => {
  const { growthBytes, network, seen } = await stall("/capped");
  expect(seen()).toBe(ROUNDS);
  expect(growthBytes).toBeLessThan(GROWTH_MAX_BYTES);
  // It was there all the time: what did not grow was not a client that is gone.
  network.deliverAgain();
  await eventually(() => seen() === 2 * ROUNDS);
  expect(network.taps).toHaveLength(1);
});

test("without the cap the same measurement shows what piles up", async () => {
  const { growthBytes } = await stall("/uncapped");
  expect(growthBytes).toBeGreaterThan(2 * GROWTH_MAX_BYTES);
});
