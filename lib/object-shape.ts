import { ShapeTable, type PropertySet } from "./shape.ts";

// A mask of this many bits is a small integer for the engine.
const MASK_BITS = 30;

/** The shape of objects in a world, which knows the shapes that are one change away. */
export class Shape implements PropertySet {
  readonly number: number;
  readonly names: readonly string[];
  readonly nameNumbers: readonly number[];
  readonly #indexes = new Map<string, number>();
  #extensions: Map<string, Shape> | undefined;
  #subsets: Map<number, Shape> | undefined;

  constructor(number: number, names: readonly string[], nameNumbers: readonly number[]) {
    this.number = number;
    this.names = names;
    this.nameNumbers = nameNumbers;
    for (const [i, name] of names.entries()) this.#indexes.set(name, i);
  }

  /** Where the name stands among `names`, or -1. */
  indexOf(name: string): number {
    return this.#indexes.get(name) ?? -1;
  }

  /** The same names and more at the end. */
  with(added: readonly string[], table: ObjectShapes): Shape {
    const [name] = added;
    if (name === undefined) return this;
    if (added.length > 1) return table.of([...this.names, ...added]);
    this.#extensions ??= new Map();
    let extension = this.#extensions.get(name);
    if (extension === undefined) {
      extension = table.of([...this.names, name]);
      if (extension.number > 0) this.#extensions.set(name, extension);
    }
    return extension;
  }

  /** The names whose bit is set in `mask`; only for shapes that `fitsMask`. */
  subset(mask: number, table: ObjectShapes): Shape {
    this.#subsets ??= new Map();
    let subset = this.#subsets.get(mask);
    if (subset === undefined) {
      subset = table.of(this.names.filter((_, i) => (mask & (1 << i)) !== 0));
      if (subset.number > 0) this.#subsets.set(mask, subset);
    }
    return subset;
  }

  get fitsMask(): boolean {
    return this.names.length <= MASK_BITS;
  }
}

/** The shapes of a world's objects, and of what changes in them. */
export type ObjectShapes = ShapeTable<Shape>;

export function objectShapes(shapesMax: number): ObjectShapes {
  return new ShapeTable(
    shapesMax,
    (number, names, nameNumbers) => new Shape(number, names, nameNumbers),
  );
}
