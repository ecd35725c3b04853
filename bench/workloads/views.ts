import { watch, watchColumns } from "./watch.ts";
import type { Workload } from "./workload.ts";

/** Each changes on every tick, and each client sees a tenth of them. */
const WATCHED = { things: 100, changesPerSecond: 2_000 };

export const views: Workload = {
  name: "views",
  title:
    "Views: N clients see 10 of 100 things that change 20 times a second, all the same 10 or not",
  columns: watchColumns,
  cases(mode) {
    const clients = mode === "short" ? 200 : 1_000;
    return [
      {
        name: `${clients.toLocaleString("en-US")} clients`,
        contestants: ["object-sync-one-view", "object-sync-ten-views"],
        measure: (open) => watch(open, { clients, ...WATCHED }, mode),
      },
    ];
  },
};
