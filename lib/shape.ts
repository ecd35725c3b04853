/**
 * A shape: an ordered set of property names. On the wire it is its number, so that names travel once
 * for each connection.
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

export type MakeShape<Made> = (
  number: number,
  names: readonly string[],
  nameNumbers: readonly number[],
) => Made;

export const makePropertySet: MakeShape<PropertySet> = (number, names, nameNumbers) => ({
  number,
  names,
  nameNumbers,
});

/** Gives sets of names their numbers, 1, 2, 3, ..., and each name its own. */
export class ShapeTable<Made extends PropertySet = PropertySet> {
  readonly #shapes = new Map<string, Made>();
  readonly #names = new Map<string, number>();
  readonly #make: MakeShape<Made>;
  readonly #shapesMax: number;
  /** How many more names numbered shapes may have. */
  #namesLeft: number;

  constructor(shapesMax: number, make: MakeShape<Made>) {
    this.#make = make;
    this.#shapesMax = shapesMax;
    this.#namesLeft = shapesMax * NAMES_PER_SHAPE;
  }

  of(names: readonly string[]): Made {
    // A client can invent names without end; a full table numbers no more of them.
    const numbers = this.#numbersOf(names);
    if (numbers === undefined) return this.#make(0, names, []);
    const key = numbers.join();
    let shape = this.#shapes.get(key);
    if (shape === undefined) {
      const isFull = this.#shapes.size >= this.#shapesMax || names.length > this.#namesLeft;
      if (isFull) return this.#make(0, names, []);
      this.#namesLeft -= names.length;
      shape = this.#make(this.#shapes.size + 1, names, numbers);
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
