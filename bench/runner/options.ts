import { parseArgs } from "node:util";
import { contestantNames, isContestant, type ContestantName } from "../contestants/index.ts";
import { workloads } from "../workloads/index.ts";
import type { Mode } from "../workloads/workload.ts";

export interface RunOptions {
  readonly mode: Mode;
  readonly rounds: number;
  /** Names of workloads; all when there is none. */
  readonly only: readonly string[];
  /** All that a case asks for when there is none. */
  readonly contestants: readonly ContestantName[];
  /** Where to write CPU profiles of the servers. */
  readonly profileDir: string | undefined;
}

/** Throws what is wrong with the arguments. */
export function parseOptions(args: readonly string[]): RunOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      short: { type: "boolean", default: false },
      rounds: { type: "string" },
      only: { type: "string", default: "" },
      contestants: { type: "string", default: "" },
      profile: { type: "string" },
    },
  });
  const rounds = Number(values.rounds ?? (values.short ? 1 : 5));
  if (!Number.isInteger(rounds) || rounds < 1) throw new Error("--rounds takes a whole number");
  return {
    mode: values.short ? "short" : "full",
    rounds,
    only: list(values.only).map((name) => {
      if (workloads.some((workload) => workload.name === name)) return name;
      throw new Error(
        `no such workload: ${name}. There are: ${workloads.map(({ name }) => name).join(", ")}`,
      );
    }),
    contestants: list(values.contestants).map((name) => {
      if (isContestant(name)) return name;
      throw new Error(`no such contestant: ${name}. There are: ${contestantNames.join(", ")}`);
    }),
    profileDir: values.profile,
  };
}

function list(text: string): string[] {
  return text.split(",").filter((name) => name !== "");
}
