import type { ObjectRecord } from "../../server/stores/store.ts";
import type { Checks } from "./checks.ts";

/** How much of the time in which a server stood still it may not notice. */
const UNNOTICED_MS = 500;
const GUARDED = "guarded:";

/** A request for a lease, as its client knows it. */
export interface Claim {
  readonly id: string;
  readonly name: string;
  readonly ttlMs: number;
  /** When its client has sent last what the server has confirmed. */
  confirmedAt: number;
  /** Its client has asked for its end, or is no more: nothing keeps it. */
  isOver: boolean;
}

interface Opened {
  readonly epoch: string;
  readonly objects: Iterable<ObjectRecord>;
}

interface KeptRequest {
  readonly name: string;
  readonly created: number;
  readonly isRefused: boolean;
  /** Whether it is noted whose it is. */
  readonly isOwned: boolean;
  /** Whether it was given the lease: one that is gone may be asked for anew, under the same id. */
  readonly isGranted: boolean;
}

interface KeptLease {
  readonly holder: string;
  readonly fence: number;
}

/** What a store has of the leases of one epoch, and what it has had. */
interface KeptLeases {
  readonly requests: Map<string, KeptRequest>;
  readonly leases: Map<string, KeptLease>;
  /** By name, the highest fence that anyone was given. */
  readonly lastFence: Map<string, number>;
  /** By name and fence, who was given it. */
  readonly grants: Map<string, string>;
  /** By id, the fence by which was written last what a lease guards. */
  readonly written: Map<string, number>;
}

/**
 * Judges leases by what the store keeps, and by what the clients say that they hold: one has it at a
 * time, the oldest who asks; fences grow; nothing is written by a former one; the living keep it.
 */
export class LeaseOracle {
  readonly #checks: Checks;
  readonly #now: () => number;
  readonly #epochs = new Map<string, KeptLeases>();
  readonly #claims = new Map<string, Claim>();
  /** Requests that the server's application has ended, or of which no server knows whose they are. */
  readonly #ended = new Set<string>();
  /** When a server has committed last that a request is destroyed. */
  readonly #destroyedAt = new Map<string, number>();
  #halts: { readonly from: number; to: number }[] = [];
  #openedAt = 0;
  #current: KeptLeases = nothing();

  constructor(checks: Checks, now: () => number) {
    this.#checks = checks;
    this.#now = now;
  }

  /** A server has opened the world: what it says of requests begins anew. */
  opened({ epoch, objects }: Opened): void {
    this.#openedAt = this.#now();
    this.#halts = [];
    const known = this.#epochs.get(epoch);
    this.#current = known ?? nothing();
    this.#epochs.set(epoch, this.#current);
    if (known === undefined) this.#take(objects);
    for (const [id, { isOwned }] of this.#current.requests) if (!isOwned) this.#ended.add(id);
  }

  #take(objects: Iterable<ObjectRecord>): void {
    for (const record of objects) {
      keepIn(this.#current, record);
      const fence = fenceIn(record);
      if (fence !== undefined) this.#current.written.set(record.id, fence);
    }
    for (const [name, { holder, fence }] of this.#current.leases) this.#grant(name, holder, fence);
  }

  /** The server stands still for so long. */
  halted(forMs: number): void {
    const from = this.#now();
    this.#halts.push({ from, to: from + forMs });
  }

  /** It goes on, earlier perhaps than it was to. */
  woken(): void {
    for (const halt of this.#halts) halt.to = Math.min(halt.to, this.#now());
  }

  /** The server's application destroys a request. */
  ended(id: string): void {
    this.#ended.add(id);
  }

  /** Whether the server's application has destroyed it, perhaps before its client was shown it. */
  wasEnded({ id }: Claim): boolean {
    return this.#ended.has(id);
  }

  asked(claim: Claim): void {
    this.#claims.set(claim.id, claim);
  }

  /** A server hands this to its store. */
  submitted(objects: readonly ObjectRecord[]): void {
    for (const { id, properties } of objects)
      if (properties === null && isRequest(id)) this.#destroyedAt.set(id, this.#now());
  }

  /** Tells whether it is about leases. */
  kept(epoch: string, objects: readonly ObjectRecord[]): boolean {
    const known = this.#epochs.get(epoch);
    if (known === undefined) return false; // the next server finds it
    const before = { requests: new Map(known.requests), leases: new Map(known.leases) };
    let isAbout = false;
    for (const record of objects) {
      this.#judgeWrite(record, before, known);
      isAbout = keepIn(known, record) || isAbout;
      const { id, properties } = record;
      if (properties === null && before.requests.has(id)) this.#judgeEnd(id);
    }
    for (const [name, lease] of known.leases) {
      const former = before.leases.get(name);
      if (former?.holder !== lease.holder) this.#judgeGrant(name, lease, former, before, known);
    }
    return isAbout;
  }

  /** A client is certain that nobody else has the lease. */
  held({ id, name }: Claim, fence: number): void {
    const { grants, requests, leases } = this.#current;
    // It was given in a world that was lost, or ended by who may do that.
    if (grants.get(`${name} ${fence}`) !== id || this.#ended.has(id)) return;
    this.#check(requests.has(id) && leases.get(name)?.holder === id, () => {
      return `${id} is held for certain, and ${leases.get(name)?.holder ?? "nobody"} has ${name}`;
    });
  }

  /** A client is told that it has a lease no more: nobody says so while it has. */
  lost({ id, name }: Claim, fence: number): void {
    const { grants, requests } = this.#current;
    if (grants.get(`${name} ${fence}`) !== id) return;
    this.#check(!requests.has(id), () => `${id} is told to be lost, and has ${name}`);
  }

  /** What is counted by who has the lease is counted on by one each time. */
  counted(id: string, changed: object, previous: object | undefined): void {
    const [after, before] = [changed, previous ?? {}].map((one) =>
      Number(Reflect.get(one, "count")),
    );
    if (!id.startsWith(GUARDED) || after === undefined || before === undefined) return;
    if (Number.isNaN(after)) return;
    this.#checks.saw("write by a lease");
    this.#check(after === before + 1, () => `${id} is counted on from ${before} to ${after}`);
  }

  #judgeGrant(
    name: string,
    { holder, fence }: KeptLease,
    former: KeptLease | undefined,
    before: Pick<KeptLeases, "requests">,
    known: KeptLeases,
  ): void {
    this.#checks.saw(former === undefined ? "lease granted" : "lease handed on");
    const last = known.lastFence.get(name) ?? 0;
    this.#check(fence > last, () => `${holder} has ${name} by ${fence}, after ${last}`);
    const holding = former && before.requests.get(former.holder);
    const isFree = holding?.isGranted !== true;
    this.#check(isFree, () => `${holder} has ${name} while ${former?.holder} has it`);
    const request = before.requests.get(holder); // it may be over in the same batch
    this.#check(request?.name === name, () => `${holder} has ${name}, and did not ask for it`);
    const isRefused = request?.isRefused === true;
    this.#check(!isRefused, () => `${holder} has ${name}, and was told that it does not get it`);
    for (const [id, other] of before.requests) {
      if (other.name !== name || other.isRefused || id === holder || this.#ended.has(id)) continue;
      this.#check(other.created > (request?.created ?? 0), () => {
        return `${holder} has ${name}, and ${id} was there before`;
      });
    }
    this.#grant(name, holder, fence, known);
  }

  #grant(name: string, holder: string, fence: number, known = this.#current): void {
    known.lastFence.set(name, fence);
    known.grants.set(`${name} ${fence}`, holder);
  }

  /** By what was kept before: a client can only write by a fence of which it was told. */
  #judgeWrite(
    record: ObjectRecord,
    { requests, leases }: Pick<KeptLeases, "requests" | "leases">,
    { written }: KeptLeases,
  ): void {
    const { id } = record;
    const fence = fenceIn(record);
    if (fence === undefined || fence === (written.get(id) ?? 0)) return;
    written.set(id, fence);
    const lease = leases.get(id.slice(GUARDED.length));
    this.#check(lease?.fence === fence && requests.has(lease.holder), () => {
      return `${id} is written by ${fence}, and ${lease?.holder} has it by ${lease?.fence}`;
    });
  }

  /** Of a request whose client lives and has said so, nobody takes the place. */
  #judgeEnd(id: string): void {
    const claim = this.#claims.get(id);
    if (claim === undefined || claim.isOver || this.#ended.has(id)) return;
    this.#checks.saw("request expired");
    const at = this.#destroyedAt.get(id) ?? this.#now();
    const from = Math.max(claim.confirmedAt, this.#openedAt);
    const still = this.#halts.map((halt) => Math.min(at, halt.to) - Math.max(from, halt.from));
    const haltedMs = still.reduce((sum, ms) => sum + Math.max(0, ms - UNNOTICED_MS), 0);
    const silentMs = at - from - haltedMs;
    this.#check(silentMs >= claim.ttlMs, () => {
      return `${id} is ended, who was heard of ${silentMs} ms ago, and has ${claim.ttlMs}`;
    });
  }

  #check(holds: boolean, message: () => string): void {
    this.#checks.check(holds, "leases", message);
  }
}

/** Tells whether the object is about leases. */
function keepIn({ requests, leases }: KeptLeases, record: ObjectRecord): boolean {
  const { id, properties, created } = record;
  if (isRequest(id)) {
    if (properties === null) requests.delete(id);
    else {
      const { name, refusedMs, owner, fence } = properties;
      const [isRefused, isOwned, isGranted] = [refusedMs, owner, fence].map(
        (given) => given !== undefined,
      ) as [boolean, boolean, boolean];
      requests.set(id, { name: name as string, created, isRefused, isOwned, isGranted });
    }
    return true;
  }
  if (!id.startsWith("lease:")) return false;
  const name = id.slice("lease:".length);
  const { holder, fence } = properties ?? {};
  if (properties === null) leases.delete(name);
  else leases.set(name, { holder: holder as string, fence: Number(fence) });
  return true;
}

/** By which fence an object is written that a lease guards. */
function fenceIn({ id, properties }: ObjectRecord): number | undefined {
  return id.startsWith(GUARDED) ? Number(properties?.["fence"] ?? 0) : undefined;
}

function isRequest(id: string): boolean {
  return id.startsWith("lease-request:");
}

function nothing(): KeptLeases {
  return {
    requests: new Map(),
    leases: new Map(),
    lastFence: new Map(),
    grants: new Map(),
    written: new Map(),
  };
}
