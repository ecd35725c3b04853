import { afterEach, describe, expect, test } from "@jest/globals";
import { Server as SocketIoServer } from "socket.io";
import { ObjectSync, type ObjectSyncOptions } from "../../../client/index.ts";
import { fileStorage } from "../../../client/offline/file.ts";
import { indexedDbStorage } from "../../../client/offline/indexeddb.ts";
import { webStorage } from "../../../client/offline/web.ts";
import { DEFAULT_LIMITS, SyncError, TokenBucket } from "../../../lib/index.ts";
import { CLIENT_LIMITS, SERVER_LIMITS } from "../../../lib/limits.ts";
import { schemas, type SchemaOptions } from "../../../schema/index.ts";
import { jsonSchema } from "../../../schema/json/index.ts";
import {
  closeOnSignals,
  ObjectSyncServer,
  type ServerOptions,
  type WorldOptions,
} from "../../../server/index.ts";
import { Accounts, type AccountsOptions } from "../../../server/plugins/accounts/index.ts";
import { grid, type GridOptions } from "../../../server/plugins/grid/index.ts";
import { jwt } from "../../../server/plugins/jwt/index.ts";
import { PostgresArchive, PostgresStore } from "../../../server/stores/postgres/index.ts";
import { SqliteArchive, SqliteStore } from "../../../server/stores/sqlite/index.ts";
import { Stage } from "../../support/stage.ts";

/*
 * Options that cannot be used, of everything that takes any: `bad_option` at start, naming the option. What
 * else a client's, a server's or a plugin's options may be is in the tests of each.
 */

const stage = new Stage();
afterEach(() => stage.clear());

/** What this throws, as "code property". */
function problemOf(make: () => unknown): string {
  try {
    make();
    return "none";
  } catch (error) {
    if (!(error instanceof SyncError)) throw error;
    return `${error.code} ${String(error.property)}`;
  }
}

function server(options: object): void {
  const sync = new ObjectSyncServer(options);
  stage.afterwards(() => sync.close());
}

function client(options: object): void {
  const all = { autoConnect: false, ...options } as ObjectSyncOptions;
  const sync = new ObjectSync("http://localhost:1", all);
  stage.afterwards(() => sync.close());
}

const NO_LIMITS = [NaN, -1, 0, 1.5, Infinity, 2 ** 53, "5", null, undefined, {}, true];

describe("NaN or negative limits", () => {
  test.each(Object.keys(SERVER_LIMITS))("the server's %s", (name) => {
    for (const value of NO_LIMITS) {
      expect(problemOf(() => server({ limits: { [name]: value } }))).toBe(`bad_option ${name}`);
    }
    expect(problemOf(() => server({ limits: { [name]: 7 } }))).toBe("none");
  });

  test.each(Object.keys(CLIENT_LIMITS))("the client's %s", (name) => {
    for (const value of NO_LIMITS) {
      expect(problemOf(() => client({ limits: { [name]: value } }))).toBe(`bad_option ${name}`);
    }
    expect(problemOf(() => client({ limits: { [name]: 7 } }))).toBe("none");
  });

  test.each([null, 5, "idBytesMax", true])("no limits at all: %j", (limits) => {
    for (const make of [server, client]) {
      expect(problemOf(() => make({ limits }))).toBe("bad_option limits");
    }
  });

  test("every limit has a default that is one", () => {
    for (const limit of Object.values(DEFAULT_LIMITS)) {
      expect(Number.isSafeInteger(limit) && limit > 0).toBe(true);
    }
  });

  const cost = { N: 1_024, r: 8, p: 1 };
  const secret = "a secret of more than thirty-two bytes";
  const square = { namespaces: ["player"], cellSize: 10, radius: 5, follow: () => undefined };
  const makers: Readonly<Record<string, (value: unknown) => unknown>> = {
    "flush of a server": (flush) => server({ flush }),
    "timeoutMs of closeOnSignals": (timeoutMs) =>
      closeOnSignals({ close: () => Promise.resolve() }, { timeoutMs: timeoutMs as number }),
    "clockToleranceMs of jwt": (clockToleranceMs) =>
      jwt({ secret, clockToleranceMs: clockToleranceMs as number }),
    "failuresPerMinuteMax of accounts": (failuresPerMinuteMax) =>
      new Accounts({ failuresPerMinuteMax: failuresPerMinuteMax as number, cost }),
    "perSecondMax of a TokenBucket": (perSecondMax) => new TokenBucket(perSecondMax as number, 0),
    "cellSize of grid": (cellSize) => grid({ ...square, cellSize: cellSize as number }),
    "radius of grid": (radius) => grid({ ...square, radius: radius as number }),
    "margin of grid": (margin) => grid({ ...square, margin: margin as number }),
  };

  test.each(Object.entries(makers))("%s", (what, make) => {
    const [name] = what.split(" ");
    for (const value of [NaN, -1, -Infinity, Infinity, "5", null]) {
      expect(problemOf(() => make(value))).toBe(`bad_option ${String(name)}`);
    }
  });

  test.each(["N", "r", "p"])("the cost of accounts, its %s", (part) => {
    for (const value of [NaN, -8, 0, 1.5, "8", undefined]) {
      const options = { cost: { ...cost, [part]: value } } as AccountsOptions;
      expect(problemOf(() => new Accounts(options))).toBe("bad_option cost");
    }
  });
});

describe("unknown option names", () => {
  const NAMES = ["limit", "__proto__", "constructor", "toString", "secret2", ""];
  /** As JSON gives it: with a property of its own even for the first name. */
  const withName = (name: string): object => JSON.parse(`{${JSON.stringify(name)}:1}`) as object;
  const follow = (): undefined => undefined;
  const square = { namespaces: ["player"], cellSize: 10, radius: 5, follow };
  const secret = "a secret of more than thirty-two bytes";
  const merged = (base: object, name: string): object => {
    const options = withName(name);
    for (const [key, value] of Object.entries(base)) {
      Object.defineProperty(options, key, { value: value as unknown, enumerable: true });
    }
    return options;
  };

  const makers: Readonly<Record<string, (name: string) => unknown>> = {
    "a server": (name) => server(withName(name)),
    "a server's limits": (name) => server({ limits: withName(name) }),
    "a server's handlers": (name) => server({ handlers: withName(name) }),
    "a server's world()": (name) => {
      const sync = new ObjectSyncServer();
      stage.afterwards(() => sync.close());
      sync.world("vault", withName(name));
    },
    "a client": (name) => {
      const sync = new ObjectSync("http://localhost:1", merged({ autoConnect: false }, name));
      stage.afterwards(() => sync.close());
    },
    "a client's limits": (name) => client({ limits: withName(name) }),
    closeOnSignals: (name) => closeOnSignals({ close: () => Promise.resolve() }, withName(name)),
    jwt: (name) => jwt(merged({ secret }, name)),
    accounts: (name) => new Accounts(withName(name)),
    grid: (name) => grid(merged(square, name) as GridOptions),
    schemas: (name) => schemas({}, withName(name) as SchemaOptions),
    indexedDbStorage: (name) => indexedDbStorage(withName(name)),
    webStorage: (name) => webStorage(withName(name)),
  };

  test.each(Object.entries(makers))("of %s", (_what, make) => {
    for (const name of NAMES) expect(problemOf(() => make(name))).toBe(`bad_option ${name}`);
  });

  test("of a JSON Schema", () => {
    for (const name of NAMES) {
      const make = (): unknown => jsonSchema({}, withName(name));
      expect(problemOf(make)).toBe("bad_option jsonSchema");
    }
  });

  test("a world that was meant to be private does not become one for all", () => {
    const sync = new ObjectSyncServer();
    stage.afterwards(() => sync.close());
    const slips = [{ privat: true }, { private: 1 }, { private: "true" }];
    for (const slip of slips) {
      const make = (): unknown => sync.world("vault", slip as unknown as WorldOptions);
      expect(problemOf(make)).toBe(`bad_option ${String(Object.keys(slip)[0])}`);
    }
    // It could not be private any more if it were open to all by now.
    expect(problemOf(() => sync.world("vault", { private: true }))).toBe("none");
  });
});

describe('`origin: "*"` with credentials', () => {
  test.each<[origins: ServerOptions["origins"], cors: object, problem: string]>([
    ["*", { origin: "https://a.org", credentials: true }, "bad_option origins"],
    [["https://a.org"], { origin: "https://a.org", credentials: true }, "none"],
    ["*", { origin: "*" }, "none"],
  ])("%j beside a socket.io server's own cors of %j: %s", async (origins = "*", cors, problem) => {
    const { http } = await stage.http();
    const io = new SocketIoServer(http, { cors });
    const sync = new ObjectSyncServer({ origins });
    stage.afterwards(() => io.close());
    stage.afterwards(() => sync.close());
    expect(problemOf(() => sync.attach(io))).toBe(problem);
  });

  test.each(["**", "https://a.org", ["*"], ["https://a.org/"], ["a.org"], [""], null, {}])(
    "%j is no list of origins",
    (origins) => {
      expect(problemOf(() => server({ origins }))).toBe("bad_option origins");
    },
  );
});

describe("what would open a server by a slip", () => {
  test.each<[what: string, options: object, property: string]>([
    ["rules that are null", { rules: null }, "rules"],
    ["rules that are false", { rules: false }, "rules"],
    ["rules that are a text", { rules: "none" }, "rules"],
    ["a rule with an unknown name", { rules: { "*": { reed: true } } }, "rules"],
    ["open, as a text", { open: "false" }, "open"],
    ["an authorize that is no function", { authorize: true }, "authorize"],
    ["an authenticate that is no function", { authenticate: "ann" }, "authenticate"],
    ["a path without a slash", { path: "sync" }, "path"],
    ["a path of nothing", { path: "/" }, "path"],
    ["a handler that is no function", { handlers: { create: 1 } }, "create"],
    ["a store that is a path", { store: "worlds.db" }, "store"],
    ["a store that is null", { store: null }, "store"],
  ])("%s is `bad_option`", (_what, options, property) => {
    expect(problemOf(() => server(options))).toBe(`bad_option ${property}`);
  });

  test("rules that are null, later", () => {
    const sync = new ObjectSyncServer();
    stage.afterwards(() => sync.close());
    expect(problemOf(() => sync.setRules(null as never))).toBe("bad_option rules");
  });

  test("in production a server without rules and authorize, unless it says open", () => {
    const before = process.env["NODE_ENV"];
    process.env["NODE_ENV"] = "production";
    try {
      expect(problemOf(() => server({}))).toBe("bad_option open");
      expect(problemOf(() => server({ rules: null }))).toBe("bad_option rules");
      expect(problemOf(() => server({ open: true }))).toBe("none");
      expect(problemOf(() => server({ authorize: () => true }))).toBe("none");
    } finally {
      process.env["NODE_ENV"] = before;
    }
  });
});

test.each<[what: string, make: (place: never) => unknown, property: string]>([
  ["SqliteStore", (place) => new SqliteStore(place), "file"],
  ["PostgresStore", (place) => new PostgresStore(place), "database"],
  ["PostgresArchive", (place) => new PostgresArchive(place), "database"],
  ["fileStorage", (place) => fileStorage(place), "path"],
])("a place that is none, of %s", (_what, make, property) => {
  for (const place of [undefined, null, "", 7, NaN, true]) {
    expect(problemOf(() => make(place as never))).toBe(`bad_option ${property}`);
  }
});

test("a place that is none, of SqliteArchive, which opens it when it is asked for something", () => {
  for (const place of [undefined, "", 7]) {
    const archive = new SqliteArchive(place as never);
    expect(problemOf(() => archive.copy())).toBe("bad_option file");
  }
});
