import type { ContestantName } from "../contestants/index.ts";
import { workloads } from "../workloads/index.ts";
import type { Case, Outcome, Workload } from "../workloads/workload.ts";
import type { Measurement } from "./measurement.ts";
import type { RunOptions } from "./options.ts";
import { Stage } from "./stage.ts";

const TIMEOUT_MS = 120_000;

const TOO_LONG = "took longer than";

/**
 * Measures everything that is asked for once, the contestants taking turns. Who took too long is in
 * `waitedFor` from then on, and is not waited for again.
 */
export async function* runRound(
  options: RunOptions,
  round: number,
  waitedFor: Set<string>,
): AsyncGenerator<Measurement> {
  const chosen = workloads.filter(
    ({ name }) => options.only.length === 0 || options.only.includes(name),
  );
  for (const { workload, entry, contestant } of turns(chosen, options, round)) {
    const what = `${workload.name} ${entry.name} ${contestant}`;
    if (waitedFor.has(what)) continue;
    const outcome = await measure(entry, contestant, options.profileDir);
    if (outcome.faults.some((fault) => fault.startsWith(TOO_LONG))) waitedFor.add(what);
    const identity = { workload: workload.name, case: entry.name, contestant, round };
    yield { ...identity, ...outcome };
  }
}

function* turns(chosen: readonly Workload[], options: RunOptions, round: number) {
  for (const workload of chosen) {
    for (const entry of workload.cases(options.mode)) {
      if (round > (entry.roundsMax ?? Infinity)) continue;
      const asked = entry.contestants.filter(
        (name) => options.contestants.length === 0 || options.contestants.includes(name),
      );
      // Nobody is always the first, nor always after the same one's heat.
      for (let i = 0; i < asked.length; i += 1) {
        const contestant = asked[(i + round - 1) % asked.length];
        if (contestant !== undefined) yield { workload, entry, contestant };
      }
    }
  }
}

/** A contestant that fails or takes too long has faults instead of figures. */
async function measure(
  entry: Case,
  contestant: ContestantName,
  profileDir: string | undefined,
): Promise<Outcome> {
  const { timeoutMs = TIMEOUT_MS } = entry;
  const stages: Stage[] = [];
  const open = () => {
    const stage = new Stage(contestant, profileDir);
    stages.push(stage);
    return stage;
  };
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`${TOO_LONG} ${timeoutMs / 1000} s`)), timeoutMs);
  });
  try {
    return await Promise.race([entry.measure(open), tooLate]);
  } catch (error) {
    return { values: {}, faults: [error instanceof Error ? error.message : String(error)] };
  } finally {
    clearTimeout(timer);
    await Promise.all(stages.map((stage) => stage.close()));
  }
}
