import { SyncError, type SessionInfo, type SyncObject, type Topic } from "../../index.ts";

/** How far the client of this session sees, who follows this object. */
export type RadiusOf = (object: SyncObject, session: SessionInfo) => number;

export interface GridOptions {
  /** Objects whose ids begin with one of these and a colon are shown by where they are. */
  readonly namespaces: readonly string[];
  /** The properties that say where an object is. Default: "x" and "y". */
  readonly properties?: readonly [x: string, y: string];
  /** How wide and high a cell is, in the unit of these properties. */
  readonly cellSize: number;
  /**
   * How far around the object that it follows a client is shown others, at least; in the same unit. A
   * function answers for each client, and is asked again whenever that object has changed. What is more
   * than `radiusMax` is `radiusMax`; what is no number of at least 0 is 0, and an error of the world.
   */
  readonly radius: number | RadiusOf;
  /** The most that a function may answer as `radius`; it must be given with one. */
  readonly radiusMax?: number;
  /**
   * How far beyond its cell an object must be to change it, so that one who walks along a border does
   * not come and go; in the same unit. Default: a tenth of a cell.
   */
  readonly margin?: number;
  /** The id of the object that a client follows; undefined when it follows none, and sees none. */
  readonly follow: (session: SessionInfo) => string | undefined;
  /** What clients are shown besides. */
  readonly besides?: (session: SessionInfo) => readonly Topic[];
  /** In which world; "default" unless given. */
  readonly world?: string;
}

/** More than what a client may subscribe to leaves room for, by default; and for what there is besides. */
export const CELLS_MAX = 900;

const NAMES: ReadonlySet<string> = new Set<keyof GridOptions>([
  "namespaces",
  "properties",
  "cellSize",
  "radius",
  "radiusMax",
  "margin",
  "follow",
  "besides",
  "world",
]);

/** Throws `bad_option`, naming the option. */
export function checkedOptions(options: GridOptions): GridOptions {
  const strange = Object.keys(options).find((name) => !NAMES.has(name));
  if (strange !== undefined) throw badOption(strange, "is none");
  const { cellSize, margin = 0, follow, besides, namespaces, properties, world } = options;
  if (!isLength(cellSize) || cellSize === 0)
    throw badOption("cellSize", "must be a number above 0");
  if (!isLength(margin)) throw badOption("margin", "must be a number of at least 0");
  checkRadius(options);
  if (typeof follow !== "function") throw badOption("follow", "must be a function");
  if (besides !== undefined && typeof besides !== "function") {
    throw badOption("besides", "must be a function");
  }
  if (!areTexts(namespaces)) throw badOption("namespaces", "must be a list of texts");
  const names: readonly string[] = properties ?? ["x", "y"];
  if (!areTexts(names) || names.length !== 2) throw badOption("properties", "must be two names");
  if (world !== undefined && typeof world !== "string") throw badOption("world", "must be a text");
  return options;
}

function checkRadius({ radius, radiusMax }: GridOptions): void {
  const isAsked = typeof radius === "function";
  if (!isAsked && (!isLength(radius) || radius === 0)) {
    throw badOption("radius", "must be a number above 0, or a function");
  }
  if (!isAsked && radiusMax !== undefined) {
    throw badOption("radiusMax", "is for a radius that is a function");
  }
  if (isAsked && (!isLength(radiusMax) || radiusMax === 0)) {
    throw badOption("radiusMax", "must be a number above 0 when radius is a function");
  }
}

/** Whether this is how far something can be. */
export function isLength(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value) && value >= 0;
}

function areTexts(list: unknown): boolean {
  return Array.isArray(list) && list.every((one) => typeof one === "string");
}

export function badOption(name: string, reason: string): SyncError {
  return new SyncError("bad_option", `the grid's option ${name} ${reason}`, { property: name });
}
