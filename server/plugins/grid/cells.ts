import type { SyncObject } from "../../index.ts";
import type { GridOptions } from "./grid-options.ts";

/** A square of the grid. */
export interface Cell {
  readonly column: number;
  readonly row: number;
}

/** Which object is in which cell. An object stays in its cell until it is a margin beyond it. */
export class Cells {
  readonly #size: number;
  readonly #reach: number;
  readonly #margin: number;
  readonly #x: string;
  readonly #y: string;
  readonly #namespaces: readonly string[];
  readonly #known = new Map<string, Cell>();

  constructor({ namespaces, properties, cellSize, radius, margin }: GridOptions) {
    [this.#x, this.#y] = properties ?? ["x", "y"];
    this.#size = cellSize;
    this.#margin = margin ?? cellSize / 10;
    // What is in a cell may be a margin beyond it, and so may the one who looks.
    this.#reach = Math.ceil((radius + 2 * this.#margin) / cellSize);
    this.#namespaces = namespaces.map((name) => `${name}:`);
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

  /** The channels of all cells that may have something within the radius of who is in this one. */
  channelsAround({ column, row }: Cell): string[] {
    const channels: string[] = [];
    for (let dx = -this.#reach; dx <= this.#reach; dx++) {
      for (let dy = -this.#reach; dy <= this.#reach; dy++) {
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
