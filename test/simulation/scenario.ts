import type { Limits } from "../../lib/limits.ts";
import type { HandlerName } from "../../server/handlers.ts";
import type { Flush } from "../../server/flush-policy.ts";
import { conflictsOf, type ConflictScenario } from "./conflict-scenario.ts";
import type { DriveTrouble } from "./drive.ts";
import { hermitsOf, type HermitScenario } from "./hermit-scenario.ts";
import { leasesOf, type LeaseScenario } from "./lease-scenario.ts";
import type { Climate } from "./pipe.ts";
import { SeededRandom } from "./random.ts";
import { visitsOf, type VisitScenario } from "./visit-scenario.ts";
import { NEVER_MS, readersIn, viewsOf, type ViewScenario } from "./view-scenario.ts";

export type FaultKind =
  | "cut"
  | "halfOpen"
  | "stick"
  | "hold"
  | "flap"
  | "block"
  | "serverCrash"
  | "serverClose"
  | "clientCrash"
  | "takeover"
  | "restore";

/** All that one seed decides in advance: how the world is made and what will befall it. */
export interface Scenario {
  readonly clients: number;
  /** How long there is trouble. */
  readonly chaosMs: number;
  /** Objects that exist when the first client comes. */
  readonly objects: number;
  /** How often one client does something, on average. */
  readonly actionMeanMs: number;
  readonly serverActionMeanMs: number;
  /** How many things a client does at once, at most. */
  readonly burstMax: number;
  readonly store: StoreScenario;
  /** Undefined when clients keep nothing. */
  readonly device: DeviceScenario | undefined;
  readonly handlers: HandlerScenario;
  readonly flush: Flush;
  readonly limits: Partial<Limits>;
  readonly climate: Climate;
  /** Links go on delivering after they were closed. */
  readonly isSloppy: boolean;
  /** Links duplicate and reorder what they carry, so that clients may be turned away. */
  readonly isHostile: boolean;
  readonly faults: readonly FaultKind[];
  readonly faultMeanMs: number;
  /** How long a client's credentials are good, on average; undefined when they do not expire. */
  readonly tokenLifeMeanMs: number | undefined;
  readonly readCostMs: number;
  readonly pessimistChance: number;
  /** How often a listener writes. */
  readonly reactionChance: number;
  /** Namespaces. */
  readonly ephemeral: readonly string[];
  readonly sessionObjects: readonly string[];
  /** How likely a client is to have the schema that was before the server's; undefined when there is one. */
  readonly oldSchemaChance: number | undefined;
  /** Undefined when everyone is shown everything. */
  readonly views: ViewScenario | undefined;
  /** Undefined when nothing is detected, and each property is as the last write has it. */
  readonly conflicts: ConflictScenario | undefined;
  /** Undefined when all clients are live. */
  readonly visits: VisitScenario | undefined;
  /** Undefined when nobody has leases. */
  readonly leases: LeaseScenario | undefined;
  /** Undefined when all objects of all clients go both ways. */
  readonly hermits: HermitScenario | undefined;
}

export interface StoreScenario {
  readonly isDurable: boolean;
  readonly delayMaxMs: number;
  readonly failChance: number;
  readonly lateChance: number;
  /** What a journal is kept on, which then takes the place of the above. */
  readonly drive: DriveScenario | undefined;
}

export interface DriveScenario extends DriveTrouble {
  readonly operationMeanMs: number;
}

export interface DeviceScenario {
  /** Whether some clients are tabs of one device. */
  readonly isShared: boolean;
  readonly delayMaxMs: number;
  readonly failChance: number;
}

export interface HandlerScenario {
  readonly names: readonly HandlerName[];
  readonly delayMaxMs: number;
  readonly refuseChance: number;
  readonly throwChance: number;
  readonly hangChance: number;
  readonly changeChance: number;
  readonly silentChance: number;
}

export function scenarioOf(seed: number): Scenario {
  const random = new SeededRandom(seed).fork("scenario");
  const isHostile = random.chance(0.1);
  const hasHandlers = random.chance(0.35);
  const isDurable = random.chance(0.5);
  // A stream of its own: each draw from the other one decides what all seeds do.
  const disk = new SeededRandom(seed).fork("disk");
  const drive = isDurable && disk.chance(0.5) ? driveOf(disk) : undefined;
  const clients = 1 + random.below(5);
  const actionMeanMs = random.pick([40, 150, 500]) * clients;
  const device = deviceOf(new SeededRandom(seed).fork("device"));
  const retention = retentionOf(new SeededRandom(seed).fork("retention"));
  const lifetimes = lifetimesOf(new SeededRandom(seed).fork("lifetimes"));
  const seeded = new SeededRandom(seed);
  const views = viewsOf(seeded.fork("views"), seeded.fork("crowds"), seeded.fork("deciders"));
  const { subscriptionsPerSecondMax } = views ?? {};
  const conflicts = conflictsOf(new SeededRandom(seed).fork("conflicts"));
  return {
    clients,
    chaosMs: random.pick([5_000, 15_000, 30_000]),
    objects: random.pick([0, 3, 15, 60, 150]),
    actionMeanMs: Math.max(150, actionMeanMs),
    serverActionMeanMs: random.pick([300, 1_500, 1e9]),
    burstMax: random.pick([1, 4, 25]),
    store: { ...storeOf(random, isDurable), drive },
    device,
    handlers: handlersOf(random, hasHandlers),
    flush: random.pick<Flush>(["auto", "auto", 20, 100, 700]),
    limits: {
      ...limitsOf(random),
      ...retention,
      ...lifetimes.limits,
      ...slicesOf(new SeededRandom(seed).fork("slices")),
      ...(subscriptionsPerSecondMax !== undefined && { subscriptionsPerSecondMax }),
    },
    climate: climateOf(random, isHostile),
    isSloppy: random.chance(0.3),
    isHostile,
    faults: [
      ...faultsOf(random),
      ...storeFaultsOf(disk, isDurable, drive),
      ...(device === undefined ? [] : (["clientCrash"] as const)),
    ],
    faultMeanMs: random.pick([300, 1_500, 6_000]),
    tokenLifeMeanMs: tokenLifeOf(new SeededRandom(seed).fork("tokens")),
    readCostMs: random.pick([0, 0, 0.2, 4]),
    pessimistChance: random.pick([0, 0.3]),
    reactionChance: random.pick([0, 0, 0.05]),
    ephemeral: lifetimes.ephemeral,
    sessionObjects: lifetimes.sessionObjects,
    oldSchemaChance: oldSchemaChanceOf(new SeededRandom(seed).fork("schema")),
    views,
    conflicts,
    visits: visitsOf(new SeededRandom(seed).fork("visits")),
    leases: leasesOf(new SeededRandom(seed).fork("leases"), isHostile),
    // What one does not hear of, one can only write over.
    hermits: hermitsOf(
      new SeededRandom(seed).fork("hermits"),
      !isHostile && conflicts?.modes !== "detect",
    ),
  };
}

function oldSchemaChanceOf(random: SeededRandom): number | undefined {
  return random.chance(0.2) ? random.pick([0.3, 0.7]) : undefined;
}

/** What everyone creates, changes and destroys may be ephemeral; reservations are small, to be used up. */
function lifetimesOf(
  random: SeededRandom,
): Pick<Scenario, "ephemeral" | "sessionObjects" | "limits"> {
  const kind = random.below(10);
  return {
    ephemeral: kind < 3 ? ["shared"] : [],
    sessionObjects: kind === 3 ? ["shared"] : [],
    limits: {
      reservedCommits: random.pick([1, 4, 1_000]),
      reservedHandles: random.pick([1, 3, 100]),
      sessionGraceMs: random.pick([200, 5_000]),
    },
  };
}

function driveOf(random: SeededRandom): DriveScenario {
  return {
    operationMeanMs: random.pick([0.5, 5, 50]),
    fullChance: random.pick([0, 0, 0.02, 0.2]),
    failedSyncChance: random.pick([0, 0, 0.02, 0.2]),
    powerLossChance: random.pick([0, 0.002, 0.02]),
  };
}

/** What can befall a world that is kept. */
function storeFaultsOf(
  random: SeededRandom,
  isDurable: boolean,
  drive: DriveScenario | undefined,
): readonly FaultKind[] {
  const isTakenOver = random.chance(0.3);
  const isRestored = random.chance(0.3);
  return [
    ...(isDurable && isTakenOver ? (["takeover"] as const) : []),
    ...(drive !== undefined && isRestored ? (["restore"] as const) : []),
  ];
}

function storeOf(random: SeededRandom, isDurable: boolean): Omit<StoreScenario, "drive"> {
  const isFaulty = isDurable && random.chance(0.6);
  return {
    isDurable,
    delayMaxMs: isDurable ? random.pick([0, 5, 50, 2_000]) : 0,
    failChance: isFaulty ? random.pick([0.02, 0.2]) : 0,
    lateChance: isFaulty ? random.pick([0, 0.01]) : 0,
  };
}

function handlersOf(random: SeededRandom, hasHandlers: boolean): HandlerScenario {
  const all: readonly HandlerName[] = ["create", "update", "destroy", "fetch"];
  const isNasty = random.chance(0.5);
  return {
    names: hasHandlers ? all.filter(() => random.chance(0.7)) : [],
    delayMaxMs: random.pick([0, 20, 400]),
    refuseChance: random.pick([0, 0.1]),
    throwChance: isNasty ? 0.05 : 0,
    hangChance: isNasty ? 0.02 : 0,
    changeChance: random.pick([0, 0.5]),
    silentChance: random.pick([0, 0, 0.3]),
  };
}

function deviceOf(random: SeededRandom): DeviceScenario | undefined {
  if (!random.chance(0.4)) return undefined;
  return {
    isShared: random.chance(0.5),
    delayMaxMs: random.pick([0, 5, 300]),
    failChance: random.pick([0, 0, 0.05, 0.5]),
  };
}

function tokenLifeOf(random: SeededRandom): number | undefined {
  return random.chance(0.3) ? random.pick([300, 2_000, 8_000]) : undefined;
}

/** How soon the server forgets what it has decided. */
function retentionOf(random: SeededRandom): Partial<Limits> {
  if (!random.chance(0.3)) return {};
  return {
    ledgerClientsMax: random.pick([1, 3, 100_000]),
    ledgerAgeMs: random.pick([1_000, 10_000, 2_592_000_000]),
  };
}

/** Small, so that each of them is met. */
function limitsOf(random: SeededRandom): Partial<Limits> {
  const waitingBytesMax = random.pick([2_000, 20_000, 1_048_576]);
  return {
    waitingBytesMax,
    pageBytes: random.pick([200, 1_000, 65_536].filter((bytes) => bytes <= waitingBytesMax)),
    slowClientMs: random.pick([2_000, 10_000, 60_000]),
    tombstonesMax: random.pick([1, 5, 50, 10_000]),
    tombstoneAgeMs: random.pick([2_000, 3_600_000]),
    removedPropertiesMax: random.pick([1, 3, 100]),
    mutationsInFlightMax: random.pick([1, 4, 1_000]),
    outgoingBytes: random.pick([60, 65_536]),
    messagesPerSecondMax: random.pick([10, 500]),
    mutationsPerSecondMax: random.pick([20, 5_000]),
    fetchesInFlightMax: random.pick([2, 100]),
    shapesMax: random.pick([2, 8, 4_096]),
    connectTimeoutMs: random.pick([5_000, 20_000]),
    handlerTimeoutMs: 2_000,
    storeTimeoutMs: 5_000,
    drainTimeoutMs: 3_000,
  };
}

/** How much is done in one turn of the loop for those who come, or ask for something else. */
function slicesOf(random: SeededRandom): Partial<Limits> {
  return {
    looksPerTurn: random.pick([20, 200, 20_000]),
    pageBytesPerTurn: random.pick([1, 5_000, 1_048_576]),
  };
}

function climateOf(random: SeededRandom, isHostile: boolean): Climate {
  const latencyMinMs = random.pick([0.5, 20]);
  return {
    latencyMinMs,
    latencyMaxMs: latencyMinMs + random.pick([1, 20, 300]),
    spikeChance: random.pick([0, 0, 0.01, 0.05]),
    spikeMaxMs: random.pick([2_000, 30_000]),
    bytesPerMs: random.pick([1, 10, Infinity, Infinity]),
    duplicateChance: isHostile ? 0.03 : 0,
    reorderChance: isHostile ? 0.03 : 0,
  };
}

function faultsOf(random: SeededRandom): readonly FaultKind[] {
  const frequent: readonly FaultKind[] = ["cut", "cut", "halfOpen", "stick", "hold", "block"];
  const rare: readonly FaultKind[] = ["flap", "serverCrash", "serverClose", "clientCrash"];
  return [...frequent.filter(() => random.chance(0.6)), ...rare.filter(() => random.chance(0.35))];
}

/** What a scenario must have for some code to run at all. */
export type Need = keyof typeof NEEDS;

const NEEDS = {
  durable: ({ store }: Scenario) => store.isDurable && store.delayMaxMs > 0,
  late: ({ store }: Scenario) => store.drive === undefined && store.lateChance > 0,
  refusals: ({ store }: Scenario) => store.drive === undefined && store.failChance > 0.1,
  fullDrive: ({ store }: Scenario) => (store.drive?.fullChance ?? 0) > 0.1,
  failedSyncs: ({ store }: Scenario) => (store.drive?.failedSyncChance ?? 0) > 0,
  powerLoss: ({ store }: Scenario) => (store.drive?.powerLossChance ?? 0) > 0.01,
  takeovers: ({ faults }: Scenario) => faults.includes("takeover"),
  restores: ({ faults }: Scenario) => faults.includes("restore"),
  handlers: ({ handlers }: Scenario) => handlers.names.length > 1 && handlers.delayMaxMs > 0,
  device: ({ device }: Scenario) => device !== undefined,
  fullDevice: ({ device }: Scenario) => (device?.failChance ?? 0) > 0,
  slowDevice: ({ device }: Scenario) => (device?.delayMaxMs ?? 0) > 5,
  tabs: ({ device, clients }: Scenario) => device?.isShared === true && clients > 1,
  forgetful: ({ limits }: Scenario) =>
    limits.ledgerAgeMs === 1_000 || limits.ledgerClientsMax === 1,
  tokens: ({ tokenLifeMeanMs, isHostile }: Scenario) =>
    (tokenLifeMeanMs ?? 0) >= 2_000 && !isHostile,
  crashes: ({ faults }: Scenario) => faults.includes("serverCrash"),
  ephemeral: ({ ephemeral, sessionObjects }: Scenario) =>
    ephemeral.length + sessionObjects.length > 0,
  sessions: ({ sessionObjects }: Scenario) => sessionObjects.length > 0,
  hostile: ({ isHostile }: Scenario) => isHostile,
  sloppy: ({ isSloppy }: Scenario) => isSloppy,
  versions: ({ oldSchemaChance }: Scenario) => oldSchemaChance !== undefined,
  views: ({ views }: Scenario) => views !== undefined,
  flutter: ({ views }: Scenario) => (views?.flutterMeanMs ?? NEVER_MS) < NEVER_MS,
  crowds: ({ views }: Scenario) => views?.crowd !== undefined,
  slices: ({ limits }: Scenario) => (limits.looksPerTurn ?? Infinity) < 100,
  turns: ({ views }: Scenario) => (views?.partialChance ?? 0) > 0,
  rules: ({ views }: Scenario) => views?.rules !== undefined,
  gates: ({ views }: Scenario) => readersIn(views?.rules).includes("gate"),
  hiddenProperties: ({ views }: Scenario) =>
    Object.values(views?.rules?.properties ?? {}).some((readers) => readers !== "all"),
  hiddenDeciders: ({ views }: Scenario) =>
    ["a", "d"].some((name) => views?.rules?.properties[name] !== undefined),
  judged: ({ views }: Scenario) => views?.rules?.areWritesJudged === true,
  conflicts: ({ conflicts }: Scenario) => conflicts !== undefined,
  resolved: ({ conflicts }: Scenario) => conflicts?.styles.includes("merge") === true,
  references: ({ conflicts }: Scenario) => Object.keys(conflicts?.references ?? {}).length > 0,
  explicit: ({ visits }: Scenario) => visits !== undefined,
  mixed: ({ visits, clients }: Scenario) => (visits?.explicitChance ?? 1) < 1 && clients > 2,
  pushed: ({ visits }: Scenario) => visits?.plans.some((plan) => plan.includes("push")) === true,
  repaired: ({ visits }: Scenario) =>
    visits?.plans.some((plan) => plan.includes("repair")) === true,
  interrupted: ({ visits }: Scenario) => (visits?.interruptChance ?? 0) > 0,
  leases: ({ leases }: Scenario) => leases !== undefined,
  halts: ({ leases }: Scenario) => leases?.faults.includes("haltServer") === true,
  waits: ({ leases }: Scenario) => leases?.waitsMs.includes(0) === true,
  hermits: ({ hermits }: Scenario) => hermits !== undefined,
  resets: ({ hermits }: Scenario) => (hermits?.resetChance ?? 0) > 0,
  probed: ({ views }: Scenario) => views?.rules?.isProbed === true,
};

/** Whether a seed's scenario has all of these. */
export function hasNeeds(seed: number, needs: readonly Need[]): boolean {
  const scenario = scenarioOf(seed);
  return needs.every((need) => NEEDS[need](scenario));
}

/** Needs by their names, with commas between them. Throws at a name that none has. */
export function needsNamed(text: string): readonly Need[] {
  const names = text.split(",").filter((name) => name !== "");
  const unknown = names.filter((name) => !Object.hasOwn(NEEDS, name));
  if (unknown.length === 0) return names as Need[];
  throw new Error(`no need is named ${unknown.join()}; there are ${Object.keys(NEEDS).join()}`);
}

/** When everything works again. */
export const CALM: Climate = {
  latencyMinMs: 1,
  latencyMaxMs: 5,
  spikeChance: 0,
  spikeMaxMs: 0,
  bytesPerMs: Infinity,
  duplicateChance: 0,
  reorderChance: 0,
};
