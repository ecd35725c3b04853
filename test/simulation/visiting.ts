import type { Client } from "../../client/client.ts";
import type { VisitKind } from "../../client/explicit.ts";
import type { SyncError } from "../../lib/errors.ts";
import type { Connect } from "../../lib/link.ts";
import type { Hello } from "../../lib/messages.ts";
import { canonical } from "../support/canonical.ts";
import type { Context } from "./context.ts";
import { Interruptions, type Strikes } from "./interruptions.ts";
import type { Issued } from "./issued.ts";
import type { Mirror } from "./mirror.ts";
import type { SimProcess } from "./process.ts";
import type { SeededRandom } from "./random.ts";
import type { Asked } from "./selection.ts";
import type { VisitScenario } from "./visit-scenario.ts";
import type { WriteLog } from "./write-log.ts";

/** Why a visit may fail, when everything is as it should be. */
const EXPECTED_CODES: ReadonlySet<string> = new Set([
  "closed",
  "rate_limited",
  "slow_client",
  "superseded",
  "timeout",
  "token_expired",
  "unavailable",
]);
/** An application does not ask for any number of visits at once. */
const WAITING_MAX = 4;
/** How long it waits before it goes again, on average, when everything works. */
const AGAIN_MEAN_MS = 700;

/** A client that is not live, as its application has it. */
export interface Explicit {
  readonly who: string;
  readonly client: Client;
  readonly process: SimProcess;
  readonly log: WriteLog;
  readonly mirror: Mirror;
  readonly isPartial: boolean;
  readonly asked: Asked;
  /** Whether the application has failed to decide about a conflict. */
  readonly hasFailed: boolean;
  isHeir(clientId: string): boolean;
}

/** What a client had, and what it asked for, when it dialled. */
export interface Held {
  readonly objects: ReadonlyMap<string, string>;
  readonly asked: Asked;
}

interface Visit {
  readonly kind: VisitKind;
  /** The writes that were not decided when it was asked for. */
  readonly writes: readonly Issued[];
  /** Up to where its server had told of the world when it set out, and where the client was. */
  begin: { readonly epoch: string; readonly told: number; readonly seq: number } | undefined;
  /** Which gates were open when it set out. */
  gates?: number;
}

/** How a client that is not live goes to its server, and what must hold of that. */
export class Visiting {
  readonly #context: Context;
  readonly #random: SeededRandom;
  readonly #scenario: VisitScenario;
  readonly #interruptions: Interruptions;
  readonly #explicit: Explicit;
  /** Those that were asked for and are not over: the first of them is under way. */
  readonly #visits: Visit[] = [];
  /** What is to be looked at when the client has done all that it does at once. */
  readonly #checks: (() => void)[] = [];
  /** In which task a visit was over last, if the client had understood what it was told. */
  #leftIn = -1;
  #isSettling = false;
  #isSettled = false;
  /** What the client had when it dialled to push, by its end of the connection. */
  readonly #held = new WeakMap<object, Held>();
  #gatesAt: number | undefined;

  constructor(
    context: Context,
    random: SeededRandom,
    scenario: VisitScenario,
    explicit: Explicit,
    strikes: Strikes,
  ) {
    this.#context = context;
    this.#random = random;
    this.#scenario = scenario;
    this.#explicit = explicit;
    this.#interruptions = new Interruptions(context, random.fork("steps"), scenario, strikes);
    context.outboxes?.listen(explicit.log, {
      sent: () =>
        this.#check(this.#kind === "push" || this.#kind === "sync", "sends what it wrote"),
      squashed: () => undefined,
    });
  }

  get interruptions(): Interruptions {
    return this.#interruptions;
  }

  /** Whether it has gone to its server in calm, and has come back with nothing left to do. */
  get isSettled(): boolean {
    return this.#isSettled && this.#visits.length === 0;
  }

  /** Whether the client has left because it had got what it came for, in this very task. */
  get hasJustLeft(): boolean {
    return this.#leftIn === this.#context.timeline.tasks;
  }

  /** What a client had that has dialled here to push. */
  heldAt(end: object): Held | undefined {
    return this.#held.get(end);
  }

  /** Which gates were open when it set out to get, at the latest, all that it has. */
  get gatesAt(): number | undefined {
    return this.#gatesAt;
  }

  /** For the client's options. */
  connect(connect: Connect): Connect {
    return this.#interruptions.connect((hello, events) => {
      this.#dials(hello);
      const end = connect(hello, events);
      const { asked } = this.#explicit;
      // It may have got what it knows in this very moment, as far as it had asked for it by then.
      if (hello.isStrict === true)
        this.#checks.push(() => this.#held.set(end, { objects: this.#texts(), asked }));
      return end;
    });
  }

  /** Goes to the server, for whatever it likes. */
  visit(): void {
    const plan = this.#random.pick(this.#scenario.plans);
    if (this.#visits.length < WAITING_MAX) this.#go(plan);
  }

  /** Goes there until there is nothing left to do: when everything works. */
  settle(): void {
    this.#isSettled = false;
    if (this.#isSettling) return;
    this.#isSettling = true;
    this.#settleSoon(this.#lastPlans, 0);
  }

  /** A message came to the client. */
  heard(): void {
    this.#check(this.#visits.length > 0 || this.hasJustLeft, "is told something");
  }

  /** After each event in its process. */
  check(): void {
    for (const check of this.#checks.splice(0)) check();
    const { status } = this.#explicit.client;
    const isAway = status === "offline" || status === "closed";
    this.#check(isAway || this.#visits.length > 0, `is ${status}`);
  }

  get #kind(): VisitKind | undefined {
    return this.#visits[0]?.kind;
  }

  /** `over` hears, when the client has done all of it, whether nothing of it has failed. */
  #go(kinds: readonly VisitKind[], over?: (isDone: boolean) => void): void {
    const { process } = this.#explicit;
    let hasFailed = false;
    process.run(() => {
      for (const [i, kind] of kinds.entries()) {
        this.#ask(kind, (isDone) => {
          hasFailed ||= !isDone;
          if (i === kinds.length - 1) this.#checks.push(() => over?.(!hasFailed));
        });
      }
    });
  }

  #ask(kind: VisitKind, over: (isDone: boolean) => void): void {
    const { client, log } = this.#explicit;
    this.#context.checks.saw(`visit to ${kind}`);
    const writes = [...log.open].filter((issued) => issued.kind === "write");
    const visit: Visit = { kind, writes, begin: undefined };
    this.#visits.push(visit);
    if (this.#visits.length === 1) this.#interruptions.begin();
    log.issue("visit", log.nextOrder(), (callback) => {
      const promise = client[kind]((error) => {
        this.#ended(visit, error);
        callback(error);
        over(error === null);
      });
      return { steps: [], promise };
    });
  }

  #dials({ clientId, isStrict }: Hello): void {
    const visit = this.#visits[0];
    if (visit === undefined) {
      this.#check(false, "dials");
      return;
    }
    if (this.#explicit.isHeir(clientId)) {
      this.#check(visit.kind === "sync", "finishes what others have left");
      return;
    }
    this.#check((isStrict === true) === (visit.kind === "push"), `is strict: ${String(isStrict)}`);
    this.#check(visit.begin === undefined, "dials again");
    const { oracle, sights } = this.#context;
    visit.gates = sights.visibility.version;
    const { name: epoch } = oracle.current;
    const told = oracle.toldIn(epoch);
    this.#checks.push(() => (visit.begin = { epoch, told, seq: this.#explicit.mirror.seq }));
  }

  #texts(): ReadonlyMap<string, string> {
    const { objects } = this.#explicit.mirror;
    return new Map(Array.from(objects, ([id, object]) => [id, canonical(object)]));
  }

  #ended(visit: Visit, error: SyncError | null): void {
    const { checks, timeline, trace } = this.#context;
    const { kind } = visit;
    const code = error?.code ?? "ok";
    trace.add(timeline.now, this.#explicit.who, `${kind} ${code}`);
    this.#check(this.#visits[0] === visit, "ends a visit out of turn");
    this.#visits.splice(this.#visits.indexOf(visit), 1);
    // Who has asked nobody leaves nobody.
    if (code !== "invalid_payload" && visit.begin !== undefined) this.#leftIn = timeline.tasks;
    this.#interruptions.end();
    if (this.#visits.length > 0) this.#interruptions.begin();
    checks.saw(error === null ? `visit ${kind} done` : `visit ${code}`);
    if (error === null && (kind === "pull" || kind === "sync")) this.#gatesAt = visit.gates;
    if (error === null) this.#checks.push(() => this.#checkDone(visit));
    else if (!this.#context.scenario.isHostile) {
      const isExpected = EXPECTED_CODES.has(code) || (code === "out_of_date" && kind === "push");
      this.#check(isExpected, `fails with ${code}: ${error.message}`);
    }
  }

  /** It has what it came for. */
  #checkDone({ kind, writes, begin }: Visit): void {
    const { mirror, isPartial, hasFailed } = this.#explicit;
    if (begin === undefined) {
      this.#check(false, `is done with a ${kind} and has asked nobody`);
      return;
    }
    if (kind === "register") {
      this.#check(mirror.seq === begin.seq, `is told of the world by a ${kind}`);
      return;
    }
    this.#check(mirror.isWhole, `is done with a ${kind} and has nothing`);
    // Of a part it may be told as of the moment when it was like this.
    const isAsFar = isPartial || mirror.epoch !== begin.epoch || mirror.seq >= begin.told;
    this.#check(isAsFar, `is at ${mirror.seq} after a ${kind}; ${begin.told} was told before`);
    if (kind !== "push" && kind !== "sync") return;
    const isOpen = ({ outcome, isUncertain, isDiscarded, isHeld }: Issued): boolean =>
      outcome === undefined && !isUncertain && !isDiscarded && !(isHeld && hasFailed);
    const open = writes.filter(isOpen).map(({ order }) => order);
    this.#check(open.length === 0, `is done with a ${kind}, and ${open.join()} is undecided`);
  }

  /** What it goes for when everything works: what others have left is finished by who syncs. */
  get #lastPlans(): VisitScenario["plans"] {
    const isPushing = this.#scenario.plans.some((plan) => plan.includes("push"));
    return isPushing ? [["sync"], ["pull", "push"]] : [["sync"]];
  }

  #settleSoon(plans: VisitScenario["plans"], meanMs: number): void {
    const { timeline } = this.#context;
    timeline.after(this.#random.exponential(meanMs), () => {
      const { client, process } = this.#explicit;
      const [plan = []] = plans;
      if (!process.isAlive || client.status === "closed") return;
      if (this.#visits.length > 0) this.#settleSoon(plans, AGAIN_MEAN_MS);
      else this.#go(plan, (isDone) => this.#settleOn(isDone ? plans.slice(1) : plans));
    });
  }

  #settleOn(plans: VisitScenario["plans"]): void {
    const { client, log } = this.#explicit;
    const isDecided = client.pending === 0 && log.open.size === 0;
    if (plans.length === 0 && isDecided) {
      this.#isSettling = false;
      this.#isSettled = true;
    } else this.#settleSoon(plans.length === 0 ? this.#lastPlans : plans, AGAIN_MEAN_MS);
  }

  #check(holds: boolean, what: string): void {
    const { checks } = this.#context;
    checks.check(holds, "visits", () => {
      return `${this.#explicit.who} ${what}, on a visit to ${this.#kind ?? "nobody"}`;
    });
  }
}
