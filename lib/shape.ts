/**
 * An ordered set of property names. Objects share shapes, and on the wire a shape is its number:
 * names travel once for each connection.
 */
export interface PropertySet {
  /** From 1; 0 says that the set has no number, and travels by its names. */
  readonly number: number;
  readonly names: readonly string[];
  /** The number of each name, in the order of `names`; empty when `number` is 0. */
  readonly nameNumbers: readonly number[];
}

/** How many names numbered shapes may have on average: bounds the memory that they take. */
export const NAMES_PER_SHAPE = 16;

// A mask of this many bits is a small integer for the engine.
const MASK_BITS = 30;

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
  with(added: readonly string[], table: ShapeTable): Shape {
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
  subset(mask: number, table: ShapeTable): Shape {
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

/** Gives sets of names their numbers, 1, 2, 3, ..., and each name its own. */
export class ShapeTable {
  readonly #shapes = new Map<string, Shape>();
  readonly #names = new Map<string, number>();
  readonly #shapesMax: number;
  /** How many more names numbered shapes may have. */
  #namesLeft: number;

  constructor(shapesMax: number) {
    this.#shapesMax = shapesMax;
    this.#namesLeft = shapesMax * NAMES_PER_SHAPE;
  }

  of(names: readonly string[]): Shape {
    // A client can invent names without end; a full table numbers no more of them.
    const numbers = this.#numbersOf(names);
    if (numbers === undefined) return new Shape(0, names, []);
    const key = numbers.join();
    let shape = this.#shapes.get(key);
    if (shape === undefined) {
      const isFull = this.#shapes.size >= this.#shapesMax || names.length > this.#namesLeft;
      if (isFull) return new Shape(0, names, []);
      this.#namesLeft -= names.length;
      shape = new Shape(this.#shapes.size + 1, names, numbers);
      this.#shapes.set(key, shape);
    }
    return shape;
  }

  #numbersOf(names: readonly string[]): number[] | undefined {
    const numbers: number[] = [];
    for (const name of names) {
      let number = this.#names.get(name);
      if (number === undefined) {
        if (this.#names.size >= this.#shapesMax) return undefined;
        number = this.#names.size + 1;
        this.#names.set(name, number);
      }
      numbers.push(number);
    }
    return numbers;
  }
}

/** What one receiver has been told of a table's numbers. */
export class KnownShapes {
  readonly #shapes: boolean[] = [];
  readonly #names: boolean[] = [];

  /** Which of these have to be defined for the receiver first. */
  missing(used: Iterable<PropertySet>): PropertySet[] {
    const missing: PropertySet[] = [];
    for (const shape of used) if (this.#shapes[shape.number] !== true) missing.push(shape);
    return missing;
  }

  missingNames(shape: PropertySet): [number: number, name: string][] {
    const missing: [number, string][] = [];
    for (const [i, number] of shape.nameNumbers.entries()) {
      if (this.#names[number] !== true) missing.push([number, shape.names[i] ?? ""]);
    }
    return missing;
  }

  add(shape: PropertySet): void {
    this.#shapes[shape.number] = true;
    for (const number of shape.nameNumbers) this.#names[number] = true;
  }
}
