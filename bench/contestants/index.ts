import type { Contestant } from "./contestant.ts";

/** Each is loaded only by a process that measures it. */
const load = {
  "object-sync": async () => (await import("./object-sync.ts")).objectSync,
  "object-sync-tick": async () => (await import("./object-sync.ts")).objectSyncTick,
  "object-sync-sqlite": async () => (await import("./object-sync.ts")).objectSyncSqlite,
  "object-sync-grid": async () => (await import("./object-sync-grid.ts")).objectSyncGrid,
  "object-sync-one-view": async () => (await import("./object-sync-views.ts")).objectSyncOneView,
  "object-sync-ten-views": async () => (await import("./object-sync-views.ts")).objectSyncTenViews,
  "object-sync-queries": async () => (await import("./object-sync-queries.ts")).objectSyncQueries,
  "object-sync-visits": async () => (await import("./object-sync-visits.ts")).objectSyncVisits,
  pouchdb: async () => (await import("./pouchdb.ts")).pouchdb,
  ws: async () => (await import("./ws.ts")).ws,
  colyseus: async () => (await import("./colyseus.ts")).colyseus,
  "colyseus-view": async () => (await import("./colyseus-view.ts")).colyseusView,
  "socket.io": async () => (await import("./socket-io.ts")).socketIo,
  yjs: async () => (await import("./yjs.ts")).yjs,
  tinybase: async () => (await import("./tinybase.ts")).tinybase,
  sharedb: async () => (await import("./sharedb.ts")).sharedb,
} satisfies Record<string, () => Promise<Contestant>>;

export type ContestantName = keyof typeof load;

export const contestantNames = Object.keys(load) as ContestantName[];

export function isContestant(name: string): name is ContestantName {
  return Object.hasOwn(load, name);
}

export function loadContestant(name: ContestantName): Promise<Contestant> {
  return load[name]();
}
