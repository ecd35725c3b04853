import { Client } from "../../client/client.ts";
import { resolveOptions } from "../../client/options.ts";
import type { SyncError } from "../../lib/errors.ts";
import { CLIENT_LIMITS, type ClientLimits, type Limits } from "../../lib/limits.ts";
import type { ServerMessage } from "../../lib/messages.ts";
import { canonical } from "../support/canonical.ts";
import { BANK_GROUPS, BANK_TOTAL, bankTotal } from "./bank.ts";
import { newProcess, type Context } from "./context.ts";
import { EventShadow } from "./event-shadow.ts";
import { foldPlainly } from "./fold.ts";
import { Mirror } from "./mirror.ts";
import type { SimProcess } from "./process.ts";
import type { SeededRandom } from "./random.ts";
import { parseToken, TOKEN_PROPERTIES, tokenText } from "./token.ts";
import { Workload } from "./workload.ts";
import { WriteLog, type Issued } from "./write-log.ts";

/** What a write may be refused with, when everything is as it should be. */
const EXPECTED_CODES: ReadonlySet<string> = new Set([
  "closed",
  "exists",
  "gone",
  "handler_failed",
  "invalid_value",
  "not_found",
  "refused",
  "timeout",
  "unavailable",
]);
/** How often all objects are compared, and not only those that may have changed. */
const FULL_CHECK_EVERY = 16;
/** An application waits when so much of what it asked for is open. */
const OPEN_MAX = 40;

/** One life of one client, with the application that runs on it, and all that is known of it. */
export class ClientNode {
  /** Its name and which of its lives this is. */
  readonly key: string;
  readonly process: SimProcess;
  readonly log: WriteLog;
  readonly mirror: Mirror;
  readonly workload: Workload;
  readonly #context: Context;
  readonly #client: Client;
  readonly #shadow: EventShadow;
  readonly #random: SeededRandom;
  readonly #isOptimistic: boolean;
  #isClosed = false;
  #rejectEvents = 0;
  #checksDone = 0;
  /** The last that was asked for before the present event. */
  #lastOrder = 0;
  /** Whether the application has written while it was being told something. */
  #hasReacted = false;
  #isReacting = false;

  constructor(context: Context, name: string, index: number, life: number) {
    const { checks, oracle, limits, network, scenario } = context;
    this.key = `${name}-${life}`;
    this.#context = context;
    this.process = newProcess(context, this.key);
    this.#random = context.random.fork(`${this.key} application`);
    this.#isOptimistic = !this.#random.chance(scenario.pessimistChance);
    this.mirror = new Mirror(this.key, checks, oracle);
    const options = {
      autoConnect: false,
      optimistic: this.#isOptimistic,
      auth: this.key,
      limits: clientLimitsOf(limits),
    };
    this.#client = new Client(resolveOptions(options), {
      environment: this.process.environment,
      connect: network.connectFrom(this.process, name),
    });
    this.#shadow = new EventShadow(this.key, checks, (id) => this.#client.get(id));
    this.log = new WriteLog(this.key, checks, true, (issued, error) =>
      this.#settled(issued, error),
    );
    this.workload = new Workload(
      this.key,
      index,
      this.#client,
      this.log,
      this.#random,
      () => this.process.lastId,
    );
    this.#listen();
    this.process.run(() => this.#client.connect());
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  get isSynced(): boolean {
    return this.#client.status === "synced";
  }

  get isQuiet(): boolean {
    return this.isSynced && this.log.open.size === 0;
  }

  /** Where it is, for whoever wonders why it is not quiet. */
  get state(): string {
    return `${this.#client.status}, ${this.log.open.size} open`;
  }

  /** What it shows, by id. */
  get view(): ReadonlyMap<string, object> {
    return this.#client.allObjects();
  }

  connect(): void {
    this.#trace("connect()");
    this.process.run(() => this.#client.connect());
  }

  disconnect(): void {
    this.#trace("disconnect()");
    this.process.run(() => this.#client.disconnect());
  }

  /** Ends the client as an application does; its process goes on. */
  close(): void {
    this.#trace("close()");
    this.process.run(() => {
      this.#isClosed = true;
      const closing = this.#client.close();
      this.log.issue("mistake", this.log.nextOrder(), (callback) => ({
        steps: [],
        promise: this.#client.save({ late: true }, callback),
      }));
      closing.then(undefined, () => this.#fail("close() failed"));
    });
  }

  act(): void {
    if (this.log.open.size > OPEN_MAX) return;
    this.process.run(() => {
      const { burstMax } = this.#context.scenario;
      const times = this.#random.chance(0.2) ? 1 + this.#random.below(burstMax) : 1;
      for (let i = 0; i < times; i++) this.workload.act();
    });
    this.#trace(`acted, ${this.log.open.size} open`);
  }

  /** A message that came to the client, and whether the client refused it. */
  take(message: ServerMessage, isRefused: boolean): void {
    if (isRefused || this.#isClosed) return;
    const step = this.mirror.take(message);
    if (step === undefined) return;
    for (const id of step.silent) this.#shadow.refresh(id);
    this.#rename(step.renamed);
    this.#checkObjects(step.touched);
  }

  /** After each event in its process: what it shows is what it was told, with its writes on top. */
  check(isFull: boolean): void {
    this.#isReacting = false;
    if (this.#isClosed || !this.process.isAlive) return;
    this.#checksDone += 1;
    const { checks, scenario } = this.#context;
    const pending = [...this.log.open].filter(({ kind }) => kind === "write").length;
    checks.check(this.#client.pending === pending, "G8", () => {
      return `${this.key} has ${this.#client.pending} pending writes, and ${pending} are open`;
    });
    const ids = new Set(this.#shadow.touched);
    for (const { steps } of this.log.open) for (const { id } of steps) ids.add(id);
    this.#checkObjects(ids);
    if (isFull || this.#checksDone % FULL_CHECK_EVERY === 0) {
      this.#checkObjects(new Set([...this.mirror.objects.keys(), ...this.view.keys()]));
      if (scenario.handlers.silentChance === 0) {
        this.#shadow.compare([...this.view.keys()]);
        checks.check(this.#shadow.size === this.view.size, "events", () => {
          return `${this.key}: ${this.#shadow.size} objects by events, ${this.view.size} shown`;
        });
      }
    }
    this.#shadow.compare(new Set(this.#shadow.touched));
    this.#hasReacted = false;
    this.#lastOrder = this.log.lastOrder;
    this.#checkBank();
  }

  /** When all is over. */
  checkSettled(): void {
    this.log.checkAllSettled();
    if (this.#isClosed) return; // its last words were told to nobody
    this.#context.checks.check(this.#rejectEvents === this.log.rejected, "G7", () => {
      return `${this.key} had ${this.log.rejected} writes rejected, and ${this.#rejectEvents} told`;
    });
  }

  #listen(): void {
    const client = this.#client;
    const shadow = this.#shadow;
    const silentChance = this.#context.scenario.handlers.silentChance;
    client.on("create", (object) => this.#hear(object.id, () => shadow.created(object)));
    client.on("add", (object) => this.#hear(object.id, () => shadow.added(object)));
    client.on("update", (object, changed, previous) => {
      const isPreviousSure = silentChance === 0 && !this.#hasReacted;
      this.#hear(object.id, () => shadow.updated(object, changed, previous, isPreviousSure));
    });
    client.on("destroy", (id) => this.#hear(id, () => shadow.destroyed(id)));
    client.on("remove", (id) => this.#hear(id, () => shadow.removed(id)));
    client.on("reject", () => (this.#rejectEvents += 1));
    client.on("error", (error) => this.#hearError(error));
    client.on("status", (status) => this.#trace(`is ${status}`));
  }

  #hear(id: string, tell: () => void): void {
    tell();
    this.#checkBank();
    const { reactionChance } = this.#context.scenario;
    if (this.#isReacting || this.#isClosed || !this.#random.chance(reactionChance)) return;
    this.#isReacting = true;
    this.#hasReacted = true;
    if (id.startsWith("bank")) this.workload.transfer();
    else this.workload.update(id);
  }

  #hearError(error: SyncError): void {
    this.#trace(`error ${error.code}: ${error.message}`);
    const { scenario, timeline, isCalm } = this.#context;
    if (scenario.isHostile) {
      // It may have been turned away for what the network had done before it healed.
      if (isCalm()) timeline.after(1_000, () => this.connect());
      return;
    }
    this.#fail(`was told ${error.code}: ${error.message}`);
  }

  #settled({ kind, order, steps }: Issued, error: SyncError | null): void {
    const { checks, oracle, scenario } = this.#context;
    this.#trace(`${kind} ${order} ${error === null ? "ok" : error.code}`);
    if (error !== null) {
      checks.saw(`rejected ${error.code}`);
      checks.check(EXPECTED_CODES.has(error.code), "G20", () => {
        return `${this.key}: ${kind} ${order} failed with ${error.code}: ${error.message}`;
      });
    }
    if (kind !== "write" || error?.code === "closed" || !hasToken(steps)) return;
    const token = tokenText({ writer: this.key, order });
    const { epoch } = this.mirror;
    if (error !== null) {
      oracle.rejected(epoch, token);
      return;
    }
    oracle.accepted(token);
    if (scenario.handlers.names.length === 0) {
      checks.check(oracle.hasTakenEffect(epoch, token), "G10", () => {
        return `${token} was accepted, and took no effect in ${epoch}`;
      });
    }
  }

  #rename(renamed: ReadonlyMap<string, string>): void {
    if (renamed.size === 0) return;
    for (const issued of this.log.open) {
      if (issued.order > this.#lastOrder) continue; // written since: it means what it says
      issued.steps = issued.steps.map((step) => ({
        ...step,
        id: renamed.get(step.id) ?? step.id,
      }));
    }
  }

  #checkObjects(ids: ReadonlySet<string>): void {
    const { checks } = this.#context;
    const pending = this.#isOptimistic ? [...this.log.open].map(({ steps }) => steps) : [];
    const { states, unclear } = foldPlainly(this.mirror.objects, pending);
    for (const id of ids) {
      if (unclear.has(id)) continue;
      const expected = states.has(id) ? states.get(id) : this.mirror.objects.get(id);
      const shown = this.#client.get(id);
      checks.check(canonical(shown) === canonical(expected), "G8", () => {
        return `${this.key} shows ${id} as ${canonical(shown)}, not as ${canonical(expected)}`;
      });
    }
  }

  #checkBank(): void {
    if (!this.mirror.isWhole) return;
    for (let group = 0; group < BANK_GROUPS; group++) {
      const total = bankTotal((id) => this.#client.get(id), group);
      this.#context.checks.check(total === BANK_TOTAL, "G12", () => {
        return `for ${this.key}, bank ${group} adds up to ${String(total)}`;
      });
    }
  }

  #fail(message: string): void {
    this.#context.checks.fail("G20", `${this.key} ${message}`);
  }

  #trace(what: string): void {
    const { trace, timeline } = this.#context;
    trace.add(timeline.now, this.key, what);
  }
}

/** Those of all limits that a client may set. */
function clientLimitsOf(limits: Limits): Partial<ClientLimits> {
  const names = new Set(Object.keys(CLIENT_LIMITS));
  return Object.fromEntries(Object.entries(limits).filter(([name]) => names.has(name)));
}

function hasToken(steps: Issued["steps"]): boolean {
  return steps.some((step) => {
    if (step.kind === "destroy") return false;
    const values: object = step.kind === "create" ? step.properties : step.changes;
    return TOKEN_PROPERTIES.some(
      (property) => parseToken(Reflect.get(values, property)) !== undefined,
    );
  });
}
