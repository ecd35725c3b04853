import type { Value } from "../../lib/object.ts";
import type { Anchor } from "./anchors.ts";
import { IntervalList } from "./interval-list.ts";

/**
 * How many of the intervals of a property a value meets, for want of knowing the values: half of those
 * that are open on one side; few of those that are not, as these are asked for to get little.
 */
const SHARE_OF_OPEN = 1 / 2;
const SHARE_OF_CLOSED = 1 / 8;

/** The conditions of one kind, at all their places together. */
interface Crowd {
  uses: number;
}

/** Where entries wait for objects of which a property is as the anchor says. */
export class Place<Entry> {
  readonly anchor: Anchor;
  readonly #entries: Entry[] = [];
  readonly #crowd: Crowd;
  readonly #home: PropertyPlaces<Entry>;
  #uses = 0;

  constructor(anchor: Anchor, crowd: Crowd, home: PropertyPlaces<Entry>) {
    this.anchor = anchor;
    this.#crowd = crowd;
    this.#home = home;
  }

  /** About how many entries an object would meet that comes here, if all waited here that could. */
  get cost(): number {
    if (!("interval" in this.anchor)) return this.#uses;
    const { low, high } = this.anchor.interval;
    const share = low === null || high === null ? SHARE_OF_OPEN : SHARE_OF_CLOSED;
    return Math.max(this.#uses, this.#crowd.uses * share);
  }

  /** One more entry could wait here. */
  use(): void {
    this.#uses += 1;
    this.#crowd.uses += 1;
  }

  disuse(): void {
    this.#uses -= 1;
    this.#crowd.uses -= 1;
    if (this.#uses === 0) this.#home.forget(this);
  }

  /** Once for each time that it is removed. */
  add(entry: Entry): void {
    if (this.#entries.length === 0) this.#home.open(this);
    this.#entries.push(entry);
  }

  remove(entry: Entry): void {
    this.#entries.splice(this.#entries.indexOf(entry), 1);
    if (this.#entries.length === 0) this.#home.shut(this);
  }

  visit(take: (entry: Entry) => void): void {
    for (const entry of this.#entries) take(entry);
  }
}

/** The places of one property. An object looks only at those that are open: where something waits. */
export class PropertyPlaces<Entry> {
  readonly #take: (entry: Entry) => void;
  readonly #places = new Map<string, Place<Entry>>();
  readonly #crowds = new Map<Anchor["kind"], Crowd>();

  readonly #scalars = new Map<Value, Place<Entry>>();
  readonly #time = new Map<number, Place<Entry>>();
  readonly #numbers = new IntervalList<number, Place<Entry>>();
  readonly #times = new IntervalList<number, Place<Entry>>();
  readonly #texts = new IntervalList<string, Place<Entry>>();
  #structure: Place<Entry> | undefined;
  #present: Place<Entry> | undefined;

  /** `take` is told whom an object meets. */
  constructor(take: (entry: Entry) => void) {
    this.#take = take;
  }

  get isUnused(): boolean {
    return this.#places.size === 0;
  }

  at(anchor: Anchor): Place<Entry> {
    let place = this.#places.get(anchor.key);
    if (place === undefined) {
      const crowd = this.#crowds.get(anchor.kind) ?? { uses: 0 };
      this.#crowds.set(anchor.kind, crowd);
      place = new Place(anchor, crowd, this);
      this.#places.set(anchor.key, place);
    }
    return place;
  }

  forget(place: Place<Entry>): void {
    this.#places.delete(place.anchor.key);
  }

  /** An object comes by that has this value. */
  visit(value: Value): void {
    if (this.#present !== undefined) this.#takeAll(this.#present);
    if (typeof value !== "object" || value === null) this.#visitScalar(value);
    else if (value instanceof Date) this.#visitTime(value.getTime());
    else if (this.#structure !== undefined) this.#takeAll(this.#structure);
  }

  #visitScalar(value: null | boolean | number | string): void {
    const place = this.#scalars.get(value);
    if (place !== undefined) this.#takeAll(place);
    if (typeof value === "number") this.#numbers.visit(value, this.#takeAll);
    else if (typeof value === "string") this.#texts.visit(value, this.#takeAll);
  }

  #visitTime(ms: number): void {
    const place = this.#time.get(ms);
    if (place !== undefined) this.#takeAll(place);
    this.#times.visit(ms, this.#takeAll);
  }

  readonly #takeAll = (place: Place<Entry>): void => place.visit(this.#take);

  open(place: Place<Entry>): void {
    const { anchor } = place;
    switch (anchor.kind) {
      case "scalar":
        this.#scalars.set(anchor.value, place);
        break;
      case "time":
        this.#time.set(anchor.ms, place);
        break;
      case "numbers":
        this.#numbers.add(anchor.interval, place);
        break;
      case "times":
        this.#times.add(anchor.interval, place);
        break;
      case "texts":
        this.#texts.add(anchor.interval, place);
        break;
      case "structure":
        this.#structure = place;
        break;
      case "present":
        this.#present = place;
        break;
    }
  }

  shut(place: Place<Entry>): void {
    const { anchor } = place;
    switch (anchor.kind) {
      case "scalar":
        this.#scalars.delete(anchor.value);
        break;
      case "time":
        this.#time.delete(anchor.ms);
        break;
      case "numbers":
        this.#numbers.remove(anchor.interval, place);
        break;
      case "times":
        this.#times.remove(anchor.interval, place);
        break;
      case "texts":
        this.#texts.remove(anchor.interval, place);
        break;
      case "structure":
        this.#structure = undefined;
        break;
      case "present":
        this.#present = undefined;
        break;
    }
  }
}
