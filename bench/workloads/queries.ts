import { watch, watchColumns } from "./watch.ts";
import type { Workload } from "./workload.ts";

const WATCHED = { things: 10_000, changesPerSecond: 1_000 };

export const queries: Workload = {
  name: "queries",
  title: "Queries: each of N clients has its own, and things enter and leave them as they change",
  columns: watchColumns,
  cases(mode) {
    const clients = mode === "short" ? 200 : 1_000;
    return [
      {
        name: `${clients.toLocaleString("en-US")} queries, 10,000 objects, 1,000 changes/s`,
        contestants: ["object-sync-queries"],
        measure: (open) => watch(open, { clients, ...WATCHED }, mode),
      },
    ];
  },
};
