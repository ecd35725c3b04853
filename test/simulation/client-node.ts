import { Client } from "../../client/client.ts";
import { resolveWith, type ConflictHandler } from "../../client/conflicts/index.ts";
import { explicit } from "../../client/explicit/index.ts";
import type { ClientStorage } from "../../client/storage/storage.ts";
import type { UncertainWrite } from "../../client/events.ts";
import { resolveOptions } from "../../client/options.ts";
import type { Conflict, Resolution } from "../../lib/conflict.ts";
import type { SyncError } from "../../lib/errors.ts";
import { CLIENT_LIMITS, type ClientLimits, type Limits } from "../../lib/limits.ts";
import type { ServerMessage } from "../../lib/messages.ts";
import { canonical } from "../support/canonical.ts";
import { Asking } from "./asking.ts";
import { BANK_GROUPS, BANK_TOTAL, bankTotal } from "./bank.ts";
import { ConflictDecider } from "./conflict-decider.ts";
import { newProcess, type Context } from "./context.ts";
import { credentialsText } from "./credentials.ts";
import type { Device } from "./device.ts";
import { EventShadow } from "./event-shadow.ts";
import { foldPlainly, type Step } from "./fold.ts";
import { isApart } from "./guarded.ts";
import { Inheritance, isSameWrite, type Inherited, type Undecided } from "./inheritance.ts";
import { Mirror, type Expected } from "./mirror.ts";
import { OwnOutbox, type Shown } from "./own-outbox.ts";
import type { SimProcess } from "./process.ts";
import type { SeededRandom } from "./random.ts";
import { HISTORY, MARKS, NEW, OLD, type SchemaVersion } from "./schema-history.ts";
import { isTally } from "./tally.ts";
import { CROWD_USER, tokensOf, tokenText, userOf } from "./token.ts";
import { Visiting, type Explicit } from "./visiting.ts";
import { Workload } from "./workload.ts";
import { WriteLog } from "./write-log.ts";
import type { Issued } from "./issued.ts";
import type { Strikes } from "./interruptions.ts";

/** What a write may be refused with, when everything is as it should be. */
const EXPECTED_CODES: ReadonlySet<string> = new Set([
  "closed",
  "exists",
  "gone",
  "handler_failed",
  "invalid_value",
  "migration_failed",
  "not_found",
  "refused",
  "timeout",
  "unavailable",
  "uncertain",
]);
/** And with these, where not everyone may do everything. */
const FORBIDDING_CODES: ReadonlySet<string> = new Set(["forbidden", "forbidden_field"]);
/** Of what fails with one of these, it may have been done all the same. */
const UNKNOWING_CODES: ReadonlySet<string> = new Set(["closed", "discarded", "uncertain"]);
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
  readonly asking: Asking;
  /** Which version of the application's schema it has. */
  readonly schema: SchemaVersion;
  readonly #context: Context;
  readonly #client: Client;
  readonly #device: Device | undefined;
  readonly #inheritance: Inheritance | undefined;
  readonly #shadow: EventShadow;
  readonly #random: SeededRandom;
  readonly #tokens: SeededRandom;
  readonly #isOptimistic: boolean;
  #isClosed = false;
  #rejectEvents = 0;
  #checksDone = 0;
  /** Whether the application has written while it was being told something. */
  #hasReacted = false;
  #isReacting = false;
  readonly #decider: ConflictDecider | undefined;
  readonly #outbox: OwnOutbox | undefined;
  /** Undefined of a client that is live. */
  readonly visiting: Visiting | undefined;

  /** With `strikes`, which befall it on its way to the server, it is not live. */
  constructor(
    context: Context,
    device: Device | undefined,
    name: string,
    index: number,
    life: number,
    strikes?: (client: ClientNode) => Strikes,
  ) {
    const { checks, oracle, limits, network, scenario } = context;
    this.key = `${name}-${life}`;
    this.#context = context;
    this.process = newProcess(context, this.key);
    this.#random = context.random.fork(`${this.key} application`);
    this.#tokens = context.random.fork(`${this.key} tokens`);
    this.#isOptimistic = !this.#random.chance(scenario.pessimistChance);
    const { outboxes } = context;
    const settled = (issued: Issued, error: SyncError | null): void => this.#settled(issued, error);
    this.log = new WriteLog(this.key, checks, true, settled, outboxes);
    const { views } = scenario;
    this.asking = new Asking(
      context.random.fork(`${this.key} topics`),
      context.random.fork("popular topics"),
      views,
      this.log,
    );
    this.schema = schemaOf(context, this.user);
    this.mirror = new Mirror(this.key, checks, oracle, this.isPartial, this.#isInDisorder);
    this.#device = device;
    this.#outbox =
      outboxes &&
      new OwnOutbox({
        who: this.key,
        checks,
        outboxes,
        log: this.log,
        mirror: this.mirror,
        hasRenamed: this.#hasRenamed,
      });
    this.visiting = strikes && this.#newVisiting(strikes(this));
    const { visiting } = this;
    const opened = (storage: ClientStorage): ClientStorage =>
      visiting?.interruptions.storage(storage) ?? storage;
    this.#inheritance =
      device &&
      new Inheritance(
        () => opened(device.storageFor(this.process)),
        (kept) => {
          if (kept !== undefined && !this.#isClosed) this.mirror.restore(kept);
        },
        (outbox) => outboxes?.adopt(this.log, outbox),
        ({ writes }) => outboxes?.restored(writes),
      );
    this.#decider = this.#newDecider();
    outboxes?.listen(this.log, { discarded: () => this.#decider?.forget() });
    const options = {
      autoConnect: false,
      live: visiting === undefined || explicit,
      optimistic: this.#isOptimistic,
      auth: scenario.tokenLifeMeanMs === undefined ? this.key : () => this.#showCredentials(),
      storage: this.#inheritance?.persistence,
      subscribe: this.asking.initial,
      migrations: this.schema === NEW ? HISTORY : undefined,
      limits: clientLimitsOf(limits),
      onConflict: this.#decider && resolveWith(this.#handlerOf(this.#decider)),
      references: scenario.conflicts?.references,
    };
    const connect = network.connectFrom(this.process, name);
    this.#client = new Client(resolveOptions(options), {
      environment: this.process.environment,
      connect: visiting?.connect(connect) ?? connect,
    });
    this.#shadow = new EventShadow(this.key, checks, (id) => this.#client.get(id));
    this.workload = new Workload(
      this.key,
      index,
      this.#client,
      this.log,
      this.#random,
      () => this.process.lastId,
      views?.rules !== undefined,
      scenario.oldSchemaChance === undefined ? undefined : MARKS[this.schema],
    );
    this.#listen();
    this.#begin();
  }

  /** Whether it is shown a part of the world only, or may see only a part. */
  get isPartial(): boolean {
    const { views, oldSchemaChance } = this.#context.scenario;
    const isOld = oldSchemaChance !== undefined && this.schema === OLD;
    return isOld || this.asking.initial !== undefined || views?.rules !== undefined;
  }

  /** Whom the server takes it for. */
  get user(): string {
    return userOf(this.key);
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  get isQuiet(): boolean {
    const isHolding = this.#outbox !== undefined && this.#client.pending > 0;
    const isSynced = this.visiting?.isSettled ?? this.#client.status === "synced";
    return isSynced && this.log.open.size === 0 && !isHolding;
  }

  /** Where it is, for whoever wonders why it is not quiet. */
  get state(): string {
    return `${this.#client.status}, ${this.log.open.size} open, ${this.#client.pending} pending`;
  }

  /** What it shows, by id. */
  get view(): ReadonlyMap<string, object> {
    return this.#client.allObjects();
  }

  /** One that is not live goes to its server when it likes, until there is no more trouble. */
  connect(): void {
    if (this.visiting === undefined) {
      this.#trace("connect()");
      this.process.run(() => this.#client.connect());
    } else if (this.#context.isCalm()) this.visiting.settle();
  }

  disconnect(): void {
    this.#trace("disconnect()");
    this.process.run(() => this.#client.disconnect());
  }

  /** Whether what this connection brings is for a client of before, which is finished here. */
  isHeir(clientId: string): boolean {
    return this.#inheritance?.isHeir(clientId) === true;
  }

  crash(): void {
    this.#promise();
    this.process.kill();
    this.#device?.ended(this.process);
  }

  /** Ends the client as an application does; its process goes on. */
  close(): void {
    this.#trace("close()");
    this.#promise();
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
    if (Math.max(this.log.open.size, this.#client.pending) > OPEN_MAX) return;
    this.process.run(() => {
      const { burstMax } = this.#context.scenario;
      const times = this.#random.chance(0.2) ? 1 + this.#random.below(burstMax) : 1;
      for (let i = 0; i < times; i++) this.workload.act();
    });
    this.#trace(`acted, ${this.log.open.size} open`);
  }

  /** Adds to what everyone adds to, or has objects refer to others. */
  tally(random: SeededRandom): void {
    if (this.#isClosed || Math.max(this.log.open.size, this.#client.pending) > OPEN_MAX) return;
    const { oracle, scenario } = this.#context;
    this.process.run(() => {
      if (random.chance(0.3)) {
        if (Object.keys(scenario.conflicts?.references ?? {}).length > 0)
          this.workload.refer(random);
      } else {
        const isFree = (id: string): boolean => !this.#isUnseen(id);
        // Of what is settled unasked where both sides are the same, one would be lost.
        const mayBeAlike = this.#decider?.wantsEqual ?? true;
        this.workload.tally(random, mayBeAlike, isFree, (token, id, by) => {
          const shown = this.#shown.filter(
            ({ isOptimistic, steps }) => isOptimistic && steps.some((step) => step.id === id),
          );
          const upon = shown.map(({ steps }) => tokensOf(steps));
          // Of what has lost its token to a later write, nobody could tell what became of it.
          if (upon.some((tokens) => tokens.length === 0)) return;
          oracle.tallied.set(token, { parts: new Map([[token, by]]), upon: upon.flat() });
        });
      }
    });
  }

  /** Whether something of this client's is on its way that does not show: to add to it takes that back. */
  #isUnseen(id: string): boolean {
    const hidden = this.#shown.filter(({ isOptimistic }) => !isOptimistic);
    return hidden.some(({ steps }) => steps.some((step) => step.id === id));
  }

  /** There is no more trouble. */
  calmDown(): void {
    const decider = this.#decider;
    if (decider === undefined) return;
    this.process.run(() => {
      decider.answerAll();
      if (decider.hasFailed) this.#client.disconnect(); // with a connection it is asked again
    });
  }

  /** Asks for other things than before. */
  turn(): void {
    this.#ask(() => this.asking.turn(this.#client));
  }

  /** Asks for what others ask for at the same moment. */
  gather(which: number): void {
    this.#ask(() => this.asking.gather(this.#client, which));
  }

  /**
   * A message that came to the client, whether the client refused it, and what it must have with it if
   * it is not shown all that there is.
   */
  take(message: ServerMessage, isRefused: boolean, expected: Expected | undefined): void {
    // Who has got what it came for leaves at once.
    if ((isRefused && this.visiting?.hasJustLeft !== true) || this.#isClosed) return;
    this.visiting?.heard();
    const step = this.mirror.take(message, expected);
    if (step === undefined) return;
    if (this.#context.scenario.handlers.silentChance > 0) {
      for (const id of step.silent) this.#shadow.refresh(id);
    }
    this.#countPending();
    this.#rename(step.renamed);
    this.#checkObjects(step.touched);
  }

  /** After each event in its process: what it shows is what it was told, with its writes on top. */
  check(isFull: boolean): void {
    this.#isReacting = false;
    this.visiting?.check();
    if (this.#isClosed || !this.process.isAlive) return;
    this.#checksDone += 1;
    const { checks, scenario } = this.#context;
    this.#countPending();
    const ids = new Set(this.#shadow.touched);
    for (const { steps } of [...this.log.open, ...this.#inherited, ...this.#shown])
      for (const { id } of steps) ids.add(id);
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
    this.#checkBank();
  }

  /** When all is over. */
  checkSettled(): void {
    this.log.checkAllSettled();
    if (this.#isClosed) return; // its last words were told to nobody
    const { rejected } = this.log;
    const isTold =
      this.#inheritance?.isAny === true
        ? this.#rejectEvents >= rejected
        : this.#rejectEvents === rejected;
    this.#context.checks.check(isTold, "G7", () => {
      return `${this.key} had ${this.log.rejected} writes rejected, and ${this.#rejectEvents} told`;
    });
  }

  #begin(): void {
    if (this.visiting !== undefined) this.connect();
    else this.process.run(() => this.#client.connect());
  }

  #newVisiting(strikes: Strikes): Visiting | undefined {
    const { scenario, random } = this.#context;
    const node = (): ClientNode => this;
    const explicit: Explicit = {
      who: this.key,
      process: this.process,
      log: this.log,
      mirror: this.mirror,
      isPartial: this.isPartial,
      get client() {
        return node().#client;
      },
      get asked() {
        return node().asking.wanted;
      },
      get hasFailed() {
        return node().#decider?.hasFailed === true;
      },
      isHeir: (clientId) => this.isHeir(clientId),
    };
    const stream = random.fork(`${this.key} visits`);
    return (
      scenario.visits && new Visiting(this.#context, stream, scenario.visits, explicit, strikes)
    );
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
    client.on("reject", (_error, { operations }) => {
      this.#rejectEvents += 1;
      for (const token of tokensOf(operations)) this.#device?.rejected.add(token);
    });
    client.on("uncertain", (write) => this.#hearUncertain(write));
    client.on("error", (error) => this.#hearError(error));
    client.on("status", (status) => this.#trace(`is ${status}`));
  }

  /** With a stream of its own, so that credentials change nothing else. */
  #showCredentials(): string {
    const { scenario, timeline, isCalm } = this.#context;
    const { tokenLifeMeanMs = Infinity } = scenario;
    const lifeMs = isCalm() ? Infinity : this.#tokens.exponential(tokenLifeMeanMs);
    return credentialsText({ key: this.key, expiresAt: timeline.now + lifeMs });
  }

  /** How the application of this user decides about conflicts, if it does. */
  #newDecider(): ConflictDecider | undefined {
    const { scenario, random, checks, isCalm } = this.#context;
    const { conflicts } = scenario;
    if (conflicts === undefined) return undefined;
    const style = random.fork(`${this.user} style`).pick(conflicts.styles);
    return (
      style &&
      new ConflictDecider({
        who: this.key,
        style,
        wantsEqual: random.fork(`${this.user} wants equal`).chance(0.6),
        scenario: conflicts,
        process: this.process,
        random: random.fork(`${this.key} conflicts`),
        checks,
        isCalm,
        isAlone: () => this.#inheritance?.isAny !== true,
      })
    );
  }

  #handlerOf({ wantsEqual }: ConflictDecider): ConflictHandler {
    const handler: ConflictHandler = (conflict) => this.#decide(conflict);
    return Object.assign(handler, { wantsEqual });
  }

  #decide(conflict: Conflict): Resolution | Promise<Resolution> {
    this.#trace(`conflict over ${canonical(conflict)}`);
    return this.#decider?.decide(conflict);
  }

  /** What it shows besides what is confirmed, where writes may wait for a decision or be made one. */
  get #shown(): Shown[] {
    return this.#isClosed ? [] : (this.#outbox?.shown ?? []);
  }

  /** Ids may be others than those that were asked for, also of what objects refer to. */
  get #hasRenamed(): boolean {
    const { conflicts, handlers } = this.#context.scenario;
    return conflicts?.styles.includes("both") === true || handlers.names.includes("create");
  }

  /** All that is open, and what is left of what it has taken over. */
  #countPending(): void {
    const { pending } = this.#client;
    if (this.#outbox !== undefined) {
      this.#outbox.check(pending);
      return;
    }
    const open = [...this.log.open].filter(({ kind }) => kind === "write").length;
    const inherited = this.#inherited.length;
    const isRight = pending >= open && pending <= open + inherited;
    this.#context.checks.check(isRight, "G8", () => {
      return `${this.key} has ${pending} pending writes; ${open} are open, ${inherited} inherited`;
    });
    this.#inheritance?.leave(pending - open);
  }

  #hear(id: string, tell: () => void): void {
    tell();
    this.#checkBank();
    const { scenario, isCalm } = this.#context;
    const { reactionChance, visits } = scenario;
    // Who is not live hears of it late, and others of the answer later still.
    if (visits !== undefined && isCalm()) return;
    // With so many to answer each other, it would never end.
    if (this.#isReacting || this.#isClosed || this.user === CROWD_USER) return;
    if (!this.#random.chance(reactionChance) || isApart(id)) return;
    this.#isReacting = true;
    this.#hasReacted = true;
    if (id.startsWith("bank")) this.workload.transfer();
    else this.workload.update(id);
  }

  #hearError(error: SyncError): void {
    this.#trace(`error ${error.code}: ${error.message}`);
    const { scenario, timeline, isCalm, checks } = this.#context;
    const isOfDecider = error.code === "handler_failed" && this.#decider !== undefined;
    if (isOfDecider) {
      checks.saw("onConflict failed");
      return;
    }
    if (error.code === "storage_failed") {
      checks.saw("storage failed");
      return;
    }
    if (scenario.isHostile) {
      // It may have been turned away for what the network had done before it healed.
      if (isCalm()) timeline.after(1_000, () => this.connect());
      return;
    }
    this.#fail(`was told ${error.code}: ${error.message}`);
  }

  #settled(issued: Issued, error: SyncError | null): void {
    const { kind, order, steps } = issued;
    const { checks, oracle, scenario } = this.#context;
    if (kind === "visit") return; // whoever goes there judges what becomes of it
    this.#trace(`${kind} ${order} ${error === null ? "ok" : error.code}`);
    if (error !== null) {
      checks.saw(`rejected ${error.code}`);
      const isForbidden = scenario.views?.rules !== undefined && FORBIDDING_CODES.has(error.code);
      const isDiscarded = this.visiting !== undefined && error.code === "discarded";
      const isConflict = scenario.conflicts !== undefined && error.code === "conflict";
      checks.check(
        isDiscarded || isConflict || isForbidden || EXPECTED_CODES.has(error.code),
        "G20",
        () => {
          return `${this.key}: ${kind} ${order} failed with ${error.code}: ${error.message}`;
        },
      );
    }
    if (kind !== "write" || !hasToken(steps)) return;
    if (error?.code === "discarded") this.#checkDiscarded(steps);
    if (error !== null && UNKNOWING_CODES.has(error.code)) return;
    if (issued.isSquashed) return;
    // Neither side has kept that yet: should both end now, the next client asks again.
    if (error?.code === "unavailable" && this.#device !== undefined) return;
    const token = tokenText({ writer: this.key, order });
    const { epoch } = this.mirror;
    if (error !== null) {
      // A server forgets what it has decided about such objects alone: it is the same then.
      const isOfShort = steps.every(({ id }) => oracle.isEphemeral(id));
      oracle.rejected(epoch, token, !isOfShort || this.#device === undefined);
      return;
    }
    oracle.accepted(epoch, token);
    if (scenario.handlers.names.length === 0 && this.#isWritten(issued)) {
      checks.check(oracle.hasTakenEffect(epoch, token), "G10", () => {
        return `${token} was accepted, and took no effect in ${epoch}`;
      });
    }
  }

  /** What the application has given up comes from no device again, whatever becomes of this process. */
  #checkDiscarded(steps: readonly Step[]): void {
    for (const token of tokensOf(steps))
      this.#context.checks.check(this.#device?.holds(token) !== true, "G7", () => {
        return `${this.key} is told that ${token} was given up, and its device has it`;
      });
  }

  /** Whether all of it must have been written that was asked for, if it is accepted. */
  #isWritten({ steps, isRewritten, isHeld }: Issued): boolean {
    if (!isRewritten && !isHeld) return true;
    const [first] = steps;
    return !isHeld && first !== undefined && steps.length === 1 && isTally(first.id);
  }

  get #inherited(): readonly Inherited[] {
    return this.#inheritance?.writes ?? [];
  }

  /** What was reported stored must not get lost with it. */
  #promise(): void {
    for (const { isStored, isDiscarded, steps } of this.log.open) {
      if (isStored && !isDiscarded)
        for (const token of tokensOf(steps)) this.#device?.promised.add(token);
    }
  }

  /** The server has forgotten what became of a write: the application chooses, at once or later. */
  #hearUncertain(write: UncertainWrite): void {
    const { checks, oracle, timeline } = this.#context;
    checks.saw("uncertain");
    const own = [...this.log.open].filter(({ kind }) => kind === "write");
    for (const token of tokensOf(write.operations)) oracle.refused.add(token);
    const undecided = this.#undecidedOf(write, own);
    for (const one of undecided) one.isUncertain = true;
    const choose = (): void => {
      if (this.#isClosed) return;
      this.#hasReacted = true;
      const isLastWord = write.operations.some(({ id }) => id.startsWith("final:"));
      const isRetry = this.#random.chance(0.5) || isLastWord;
      this.#trace(`${isRetry ? "retries" : "discards"} ${tokensOf(write.operations).join()}`);
      if (isRetry) for (const token of tokensOf(write.operations)) oracle.retried.add(token);
      for (const one of undecided) {
        if (this.log.open.has(one as Issued)) {
          if (isRetry) this.log.retry(one as Issued);
        } else if (isRetry) this.#inheritance?.retry(one, this.log.nextPlace());
        else this.#inheritance?.discard(one);
      }
      if (isRetry) write.retry();
      else write.discard();
    };
    if (this.#random.chance(0.5)) choose();
    else timeline.after(this.#random.exponential(2_000), () => this.process.run(choose));
  }

  /** What the application has asked for of which it is not known what became of it. */
  #undecidedOf({ operations }: UncertainWrite, own: readonly Issued[]): readonly Undecided[] {
    if (this.#inheritance?.isOfHeir(operations) === true) return [];
    if (this.#outbox !== undefined) return this.#outbox.askedWith(operations);
    const oldest = [...this.#inherited, ...own]
      .sort((a, b) => a.place - b.place)
      .find(({ isUncertain }) => !isUncertain);
    if (oldest === undefined) return [];
    this.#context.checks.check(isSameWrite(oldest.steps, operations), "G7", () => {
      return `${this.key} is told that another write is uncertain than its oldest`;
    });
    return [oldest];
  }

  #rename(renamed: ReadonlyMap<string, string>): void {
    if (renamed.size === 0) return;
    this.#inheritance?.rename(renamed);
    for (const issued of this.log.open) {
      issued.steps = issued.steps.map((step) => ({
        ...step,
        id: renamed.get(step.id) ?? step.id,
      }));
    }
  }

  /** Of a part that comes in disorder nothing tells: its pages are not numbered. */
  get #isInDisorder(): boolean {
    return this.isPartial && this.#context.scenario.isHostile;
  }

  #checkObjects(ids: ReadonlySet<string>): void {
    if (this.#isInDisorder) return;
    const { checks } = this.#context;
    const own = this.#isOptimistic ? [...this.log.open] : [];
    const shown = [...this.#inherited.filter(({ isOptimistic }) => isOptimistic), ...own];
    const all = this.#outbox === undefined ? shown : this.#shown.filter((one) => one.isOptimistic);
    const pending = all.sort((a, b) => a.place - b.place).map(({ steps }) => steps);
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

  #ask(how: () => void): void {
    const isAsking = this.asking.initial !== undefined && !this.#isClosed;
    if (!isAsking || this.log.open.size > OPEN_MAX) return;
    this.process.run(how);
    this.#trace(`asks for ${JSON.stringify(this.asking.wanted)}`);
  }

  #checkBank(): void {
    if (!this.mirror.isWhole || this.#isInDisorder) return;
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

/** The same for all tabs and lives of a device. */
function schemaOf({ scenario, random }: Context, user: string): SchemaVersion {
  const isOld = random.fork(`${user} schema`).chance(scenario.oldSchemaChance ?? 1);
  return isOld ? OLD : NEW;
}

/** Those of all limits that a client may set. */
function clientLimitsOf(limits: Limits): Partial<ClientLimits> {
  const names = new Set(Object.keys(CLIENT_LIMITS));
  return Object.fromEntries(Object.entries(limits).filter(([name]) => names.has(name)));
}

function hasToken(steps: readonly Step[]): boolean {
  return tokensOf(steps).length > 0;
}
