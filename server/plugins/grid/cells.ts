import type { SyncObject } from "../../index.ts";
import { badOption, CELLS_MAX, type GridOptions } from "./grid-options.ts";

/** A square of the grid. */
export interface Cell {
  readonly column: number;
  readonly row: number;
}

/** Which object is in which cell. An object stays in its cell until it is a margin beyond it. */
export class Cells {
  readonly #size: number;
  readonly #margin: number;
  readonly #x: string;
  readonly #y: string;
  readonly #namespaces: readonly string[];
  readonly #known = new Map<string, Cell>();

  /** Throws `bad_option` when what is shown could be too many cells. */
  constructor({ namespaces, properties, cellSize, radius, radiusMax, margin }: GridOptions) {
    [this.#x, this.#y] = properties ?? ["x", "y"];
    this.#size = cellSize;
    this.#margin = margin ?? cellSize / 10;
    this.#namespaces = namespaces.map((name) => `${name}:`);
    const most = typeof radius === "number" ? radius : (radiusMax ?? Infinity);
    const cells = (2 * this.#least(most) + 1) ** 2;
    if (cells <= CELLS_MAX) return;
    const name = typeof radius === "number" ? "radius" : "radiusMax";
    const reason = `is too large for the cellSize: a client would be shown ${cells} cells, not ${CELLS_MAX}`;
    throw badOption(name, `${reason} or less`);
  }

  /**
   * Over how many cells in each direction one sees whose radius this is now. It is less than `before`
   * only if the radius is less by a margin, so that one whose radius wavers does not make others come and go.
   */
  reachOf(radius: number, before: number): number {
    return this.#least(radius + this.#margin) < before
      ? this.#least(radius)
      : Math.max(before, this.#least(radius));
  }

  /** What is in a cell may be a margin beyond it, and so may the one who looks. */
  #least(radius: number): number {
    return Math.ceil((radius + 2 * this.#margin) / this.#size);
  }

  channelOf(object: SyncObject): string | undefined {
    if (!this.#namespaces.some((start) => object.id.startsWith(start))) return undefined;
    const cell = this.of(object);
    return cell && channel(cell);
  }

  /** Undefined when the object is nowhere. */
  of(object: SyncObject | undefined): Cell | undefined {
    const [x, y] = [object?.[this.#x], object?.[this.#y]];
    if (object === undefined || typeof x !== "number" || typeof y !== "number") return undefined;
    const known = this.#known.get(object.id);
    if (known !== undefined && this.#isStillIn(known, x, y)) return known;
    const cell = { column: Math.floor(x / this.#size), row: Math.floor(y / this.#size) };
    this.#known.set(object.id, cell);
    return cell;
  }

  /** The channels of this cell and of those around it, so many in each direction. */
  channelsAround({ column, row }: Cell, reach: number): string[] {
    const channels: string[] = [];
    for (let dx = -reach; dx <= reach; dx++) {
      for (let dy = -reach; dy <= reach; dy++) {
        channels.push(channel({ column: column + dx, row: row + dy }));
      }
    }
    return channels;
  }

  forget(id: string): void {
    this.#known.delete(id);
  }

  #isStillIn({ column, row }: Cell, x: number, y: number): boolean {
    return this.#isWithin(column, x) && this.#isWithin(row, y);
  }

  #isWithin(place: number, at: number): boolean {
    const start = place * this.#size;
    return at >= start - this.#margin && at < start + this.#size + this.#margin;
  }
}

function channel({ column, row }: Cell): string {
  return `cell:${String(column)}:${String(row)}`;
}
