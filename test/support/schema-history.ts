import { migrations, type MigrationSteps } from "../../schema/index.ts";

/*
 * What an application has called things in its time: first a player had a `name` and a `level`, then a
 * `first` and `last` name in its place, and now a `rank` in place of the level, and a badge a `title`.
 */

const STEPS: MigrationSteps = {
  2: {
    player: {
      up({ name = "", ...rest }: Record<string, string>) {
        const [first, last = ""] = name.split(" ");
        return { ...rest, first, last };
      },
      down({ first, last, ...rest }: Record<string, string>) {
        return { ...rest, name: [first, last].filter(Boolean).join(" ") };
      },
    },
  },
  3: {
    player: {
      up: ({ level, ...rest }: Record<string, number>) =>
        level === undefined ? rest : { ...rest, rank: `rank ${level}` },
      down: ({ rank, ...rest }: Record<string, string>) =>
        rank === undefined ? rest : { ...rest, level: Number.parseInt(rank.slice(5), 10) },
    },
    badge: {
      up: ({ text, ...rest }: Record<string, unknown>) => ({ ...rest, title: text }),
      down: ({ title, ...rest }: Record<string, unknown>) => ({ ...rest, text: title }),
    },
  },
};

/** The history up to a version of it, as an application of that time has it. */
export function historyUntil(version: 1 | 2 | 3) {
  const known = Object.entries(STEPS).filter(([reached]) => Number(reached) <= version);
  return migrations(Object.fromEntries(known));
}
