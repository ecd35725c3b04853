import { TICK_MS, type AwakeClock } from "./awake-clock.ts";
import type { LeaseRequest } from "./lease-request.ts";

/** How much longer it lives here than its client believes: their clocks do not run alike. */
const SLACK_MS = TICK_MS;
/** How long a request is expected that was judged and is not there: it may have been refused. */
const EXPECTED_MS = 10_000;

interface Known {
  readonly request: LeaseRequest;
  readonly name: string;
  readonly owner: string | undefined;
  readonly ttlMs: number;
  readonly since: number;
  heardAt: number;
}

interface Expected {
  readonly client: string;
  readonly at: number;
}

/** What requests there are, whose they are, and when they were renewed. */
export class Requests {
  readonly #clock: AwakeClock;
  readonly #known = new Map<string, Known>();
  /** In the order in which they came. */
  readonly #byName = new Map<string, Set<string>>();
  /** Judged, and perhaps not made yet; the oldest first. */
  readonly #expected = new Map<string, Expected>();
  /** How many of both a client has. */
  readonly #counts = new Map<string, number>();

  constructor(clock: AwakeClock) {
    this.#clock = clock;
  }

  /** Also of those that are expected. */
  get size(): number {
    return this.#known.size + this.#expected.size;
  }

  get names(): string[] {
    return [...this.#byName.keys()];
  }

  /** Whether this very object was added: of the same id there may have been another. */
  has(request: LeaseRequest): boolean {
    return this.#known.get(request.id)?.request === request;
  }

  idsOf(name: string): readonly string[] {
    return [...(this.#byName.get(name) ?? [])];
  }

  /** A client is about to make this request. */
  expect(id: string, client: string): void {
    this.#forget(id);
    this.#expected.set(id, { client, at: this.#clock.now() });
    this.#count(client, 1);
    this.#clock.start(); // it may be refused, and the only one
  }

  /** It was made. Of those that a store gave back, the world knows the owner. */
  add(request: LeaseRequest): void {
    const { id, name, ttlMs, owner = this.#expected.get(id)?.client } = request;
    if (this.#known.has(id)) return;
    this.#forget(id);
    const now = this.#clock.now();
    this.#known.set(id, { request, name, owner, ttlMs, since: now, heardAt: now });
    const ids = this.#byName.get(name) ?? new Set<string>();
    this.#byName.set(name, ids.add(id));
    if (owner !== undefined) this.#count(owner, 1);
  }

  /** It was destroyed. Tells of which lease. */
  remove(id: string): string | undefined {
    const known = this.#known.get(id);
    if (known === undefined) return undefined;
    this.#known.delete(id);
    const { name, owner } = known;
    const ids = this.#byName.get(name);
    ids?.delete(id);
    if (ids?.size === 0) this.#byName.delete(name);
    if (owner !== undefined) this.#count(owner, -1);
    return name;
  }

  ownerOf(id: string): string | undefined {
    return this.#known.get(id)?.owner ?? this.#expected.get(id)?.client;
  }

  /** How many requests a client has, and is about to have. */
  countOf(client: string): number {
    return this.#counts.get(client) ?? 0;
  }

  /** Its client has said that it lives, and wants it still. */
  renew(id: string): void {
    const known = this.#known.get(id);
    if (known !== undefined) known.heardAt = this.#clock.now();
  }

  /** How long a request has been there. */
  ageMs(id: string): number {
    const since = this.#known.get(id)?.since;
    return since === undefined ? 0 : this.#clock.now() - since;
  }

  /** How long a request would live on if it were not renewed again; 0 when it is over. */
  restMs(id: string): number {
    const known = this.#known.get(id);
    if (known === undefined) return 0;
    const endsAt = known.heardAt + known.ttlMs + SLACK_MS;
    return Math.max(0, Math.round(endsAt - this.#clock.now()));
  }

  /** Those that were not renewed for their time to live. */
  overdue(): string[] {
    return [...this.#known.keys()].filter((id) => this.restMs(id) === 0);
  }

  /** Lets go of those that were expected for too long, but not of what the store is yet to have. */
  forgetExpected(isMade: (id: string) => boolean): void {
    for (const [id, { at }] of this.#expected) {
      if (this.#clock.now() - at <= EXPECTED_MS) break;
      if (!isMade(id)) this.#forget(id);
    }
  }

  #forget(id: string): void {
    const expected = this.#expected.get(id);
    if (expected === undefined) return;
    this.#expected.delete(id);
    this.#count(expected.client, -1);
  }

  #count(client: string, by: number): void {
    const count = this.countOf(client) + by;
    if (count === 0) this.#counts.delete(client);
    else this.#counts.set(client, count);
  }
}
