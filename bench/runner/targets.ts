import type { ContestantName } from "../contestants/index.ts";
import type { Mode } from "../workloads/workload.ts";
import { figures, median, type Measurement } from "./measurement.ts";

/** One figure of one contestant. */
interface Figure {
  readonly workload: string;
  readonly case: string;
  readonly contestant: ContestantName;
  readonly key: string;
}

/** What is asked of one figure, or of its ratio to another one in the same round. */
interface Target {
  readonly what: string;
  readonly of: Figure;
  readonly comparedWith?: Figure;
  readonly atMost?: number;
  readonly atLeast?: number;
}

export interface Verdict {
  readonly what: string;
  readonly wanted: string;
  readonly measured: string;
  /** Undefined when nothing was measured. */
  readonly isMet: boolean | undefined;
}

const arena = (players: number, contestant: ContestantName, key: string): Figure => ({
  workload: "arena",
  case: `${players} players`,
  contestant,
  key,
});
const join = (contestant: ContestantName, key: string): Figure => ({
  workload: "join",
  case: "10,000 objects",
  contestant,
  key,
});
const memory = (name: string, contestant: ContestantName, key: string): Figure => ({
  workload: "memory",
  case: name,
  contestant,
  key,
});

const writes = (name: string, contestant: ContestantName, key: string): Figure => ({
  workload: "writes",
  case: `50 clients, ${name}`,
  contestant,
  key,
});

const idle = (count: string, contestant: ContestantName) =>
  memory(`${count} idle connections`, contestant, "rssPerConnection");
const among = (things: string): Figure => ({
  workload: "world-size",
  case: `20 players among ${things} objects`,
  contestant: "object-sync-tick",
  key: "serverMicros",
});

const synced = (objects: string, key: string): Figure => ({
  workload: "sync",
  case: `${objects} objects`,
  contestant: "object-sync-visits",
  key,
});

const viewed = (clients: string, contestant: ContestantName): Figure => ({
  workload: "views",
  case: `${clients} clients`,
  contestant,
  key: "serverMicros",
});

/**
 * `connections`: how many idle ones there were; `clients`: how many see a part of a world; `objects`: how
 * many are on both sides of a `sync`.
 */
function targets(connections: string, clients: string, field: string, objects: string): Target[] {
  return [
    {
      what: "arena of 100: server CPU per update, compared with Colyseus",
      of: arena(100, "object-sync-tick", "serverMicros"),
      comparedWith: arena(100, "colyseus", "serverMicros"),
      atMost: 0.9,
    },
    {
      what: "arena of 100: server CPU per update, compared with the floor",
      of: arena(100, "object-sync-tick", "serverMicros"),
      comparedWith: arena(100, "ws", "serverMicros"),
      atMost: 1.6,
    },
    {
      what: "arena of 100: client CPU per update, compared with Colyseus",
      of: arena(100, "object-sync-tick", "clientMicros"),
      comparedWith: arena(100, "colyseus", "clientMicros"),
      atMost: 0.6,
    },
    {
      what: "arena of 100: bytes per update, compared with Colyseus",
      of: arena(100, "object-sync-tick", "bytes"),
      comparedWith: arena(100, "colyseus", "bytes"),
      atMost: 0.9,
    },
    {
      what: "arena of 20, flush auto: latency p50 in ms",
      of: arena(20, "object-sync", "p50Ms"),
      atMost: 3,
    },
    {
      what: "arena of 100, flush auto: server CPU, compared with a tick of 50 ms",
      of: arena(100, "object-sync", "serverMicros"),
      comparedWith: arena(100, "object-sync-tick", "serverMicros"),
      atMost: 1.3,
    },
    {
      what: "arena of 400: latency p99 in ms",
      of: arena(400, "object-sync", "p99Ms"),
      atMost: 100,
    },
    {
      what: "join 10,000: bytes, compared with Colyseus",
      of: join("object-sync", "bytes"),
      comparedWith: join("colyseus", "bytes"),
      atMost: 0.75,
    },
    {
      what: "join 10,000: time, compared with Colyseus",
      of: join("object-sync", "ms"),
      comparedWith: join("colyseus", "ms"),
      atMost: 0.5,
    },
    {
      what: "join 10,000: time, compared with one plain JSON message",
      of: join("object-sync", "ms"),
      comparedWith: join("ws", "ms"),
      atMost: 1.2,
    },
    {
      what: "200 joins at once: server CPU, compared with one join",
      of: {
        workload: "join",
        case: "10,000 objects, 200 clients at once",
        contestant: "object-sync",
        key: "perOne",
      },
      atMost: 10,
    },
    {
      what: "resume: % of the snapshot's bytes",
      of: {
        workload: "resume",
        case: "10,000 objects",
        contestant: "object-sync",
        key: "share",
      },
      atMost: 3,
    },
    {
      what: "heap bytes per object at 100,000",
      of: memory("100,000 objects", "object-sync", "heapPerObject"),
      atMost: 450,
    },
    {
      what: "stalled reader: MB of RSS",
      of: memory("a stalled reader under 10 MB/s", "object-sync", "stalledRssMb"),
      atMost: 4,
    },
    {
      what: `idle connection (${connections}): RSS, compared with bare socket.io`,
      of: idle(connections, "object-sync"),
      comparedWith: idle(connections, "socket.io"),
      atMost: 1.3,
    },
    {
      what: "writes of 50 clients, memory store: acknowledged/s",
      of: writes("pipelined", "object-sync", "perSecond"),
      atLeast: 50_000,
    },
    {
      what: "writes of 50 clients, SQLite with full sync: acknowledged/s",
      of: writes("pipelined", "object-sync-sqlite", "perSecond"),
      atLeast: 15_000,
    },
    {
      what: "writes of 50 clients at 7,500/s, SQLite: p99 of the acknowledgement in ms",
      of: writes("7,500 writes/s", "object-sync-sqlite", "p99Ms"),
      atMost: 50,
    },
    {
      what: "arena of 100, ephemeral on SQLite: server CPU per update, compared with memory",
      of: arena(100, "object-sync-sqlite", "serverMicros"),
      comparedWith: arena(100, "object-sync", "serverMicros"),
      atMost: 1.1,
    },
    {
      what: "world of 100,000: server CPU per update, compared with 1,000",
      of: among("100,000"),
      comparedWith: among("1,000"),
      atMost: 1.2,
    },
    {
      what: `${field} on a grid: latency p99 in ms`,
      of: {
        workload: "interest",
        case: field,
        contestant: "object-sync-grid",
        key: "p99Ms",
      },
      atMost: 100,
    },
    {
      what: `${clients} clients in 10 views: server CPU per update, compared with one view`,
      of: viewed(clients, "object-sync-ten-views"),
      comparedWith: viewed(clients, "object-sync-one-view"),
      atMost: 1.3,
    },
    {
      what: `${clients} queries of 10,000 objects, 1,000 changes/s: latency p99 in ms`,
      of: {
        workload: "queries",
        case: `${clients} queries, 10,000 objects, 1,000 changes/s`,
        contestant: "object-sync-queries",
        key: "p99Ms",
      },
      atMost: 100,
    },
    {
      what: `sync of ${objects}, 1 % changed on each side: bytes, compared with the JSON of that`,
      of: synced(objects, "share"),
      atMost: 3,
    },
    {
      what: `sync of ${objects}, 1 % changed on each side: what is left for another sync`,
      of: synced(objects, "movedAgain"),
      atMost: 0,
    },
  ];
}

/** Ratios are taken within each round, and their median is judged. */
export function judge(measurements: readonly Measurement[], mode: Mode): Verdict[] {
  const asked =
    mode === "short"
      ? targets("1,000", "200", "200 players", "10,000")
      : targets("5,000", "1,000", "1,000 players, of whom 20 look", "100,000");
  return asked.map((target) => {
    const { what, of, comparedWith, atMost, atLeast } = target;
    const values =
      comparedWith === undefined
        ? figures(measurements, of, of.key).map(({ value }) => value)
        : ratios(measurements, of, comparedWith);
    const sign = comparedWith === undefined ? "" : " ×";
    const wanted =
      atLeast === undefined ? `at most ${print(atMost)}${sign}` : `at least ${print(atLeast)}`;
    if (values.length === 0) return { what, wanted, measured: "-", isMet: undefined };
    const value = median(values);
    const isMet = value <= (atMost ?? Infinity) && value >= (atLeast ?? -Infinity);
    return { what, wanted, measured: `${print(value)}${sign}`, isMet };
  });
}

function ratios(measurements: readonly Measurement[], of: Figure, to: Figure): number[] {
  const others = new Map(
    figures(measurements, to, to.key).map(({ round, value }) => [round, value]),
  );
  return figures(measurements, of, of.key).flatMap(({ round, value }) => {
    const other = others.get(round);
    return other === undefined ? [] : [value / other];
  });
}

function print(value: number | undefined): string {
  return (value ?? NaN).toLocaleString("en-US", { maximumSignificantDigits: 3 });
}
