import { DEFAULT_LIMITS, resolveLimits } from "../../lib/limits.ts";
import type { ObjectRecord } from "../../server/stores/store.ts";
import type { Mutation } from "../../lib/operation.ts";
import { topicsFromText, type Hello } from "../../lib/messages.ts";
import type { Topic } from "../../lib/topics.ts";
import { canonical } from "../support/canonical.ts";
import { Audit } from "./audit.ts";
import { Checks, type Violation } from "./checks.ts";
import { ConflictOracle } from "./conflict-oracle.ts";
import { ClientNode } from "./client-node.ts";
import { ConnectionTap } from "./connection-tap.ts";
import { NO_TAP, type Connection, type Wiretap } from "./connection.ts";
import { repeatedly, type Context } from "./context.ts";
import { listenToCore } from "./core-watch.ts";
import { heardBy } from "./core-judges.ts";
import { parseCredentials } from "./credentials.ts";
import { Device } from "./device.ts";
import type { Epoch } from "./epoch.ts";
import { DriveError, PowerLoss } from "./drive.ts";
import { Hermits } from "./hermits.ts";
import { LeaseOracle } from "./lease-oracle.ts";
import { Leasing } from "./leasing.ts";
import { Machine } from "./machine.ts";
import { Network } from "./network.ts";
import { OutboxWatch } from "./outbox-watch.ts";
import { Posted } from "./posted.ts";
import { Prober } from "./prober.ts";
import { describe } from "./process.ts";
import { SeededRandom } from "./random.ts";
import { RemoteStore, type OnKept, type StoreSource } from "./remote-store.ts";
import { CALM, scenarioOf, type DeviceScenario } from "./scenario.ts";
import type { PlainObject } from "./plain-object.ts";
import { NEW, OLD, type SchemaVersion } from "./schema-history.ts";
import { ServerNode, WORLD } from "./server-node.ts";
import { ServerOracle } from "./server-oracle.ts";
import { Journeys } from "./journeys.ts";
import { Sights, type Eyes } from "./sights.ts";
import { StrictOracle } from "./strict-oracle.ts";
import { Timeline } from "./timeline.ts";
import { CROWD_USER } from "./token.ts";
import { Trace } from "./trace.ts";
import { Trouble } from "./trouble.ts";
import { Unrest } from "./unrest.ts";
import { teamOf, TEAMS, Visibility } from "./visibility.ts";

/** After healing, everything is decided and told within this time: it outlasts every time limit. */
const LIVENESS_MS = 180_000;
/** How much a server may be late, whose code takes time. */
const EXPIRY_SLACK_MS = 1_000;
/** A last write of everyone is with everyone in less: a side may still believe in a dead link. */
const LAST_WORDS_MS = 120_000;
/** What clients that are gone had sent may still come, and is told to the others. */
const AFTERMATH_MS = 60_000;
/** By then every storage has taken note of what clients have heard. */
const STORING_MS = 1_000;
/** How often the disk is copied, on average, where that is of use. */
const BACKUP_MEAN_MS = 2_000;
/** How often somebody tries what it should not, on average. */
const PROBE_MEAN_MS = 200;
/** How much less than others those of a crowd do. */
const CROWD_REST_FACTOR = 10;

export interface Result {
  readonly seed: number;
  readonly violation: Violation | undefined;
  /** The same for every run of this seed. */
  readonly traceHash: string;
  readonly traceTail: readonly string[];
  readonly commits: number;
  readonly writes: number;
  readonly checks: number;
  readonly seen: ReadonlyMap<string, number>;
  readonly virtualMs: number;
}

/** Runs one seed: trouble, healing, and then everything must come right. */
export async function simulate(seed: number, isPrinting = false): Promise<Result> {
  return new Simulation(seed, isPrinting).run();
}

class Simulation {
  readonly #seed: number;
  readonly #context: Context;
  readonly #machine: Machine | undefined;
  readonly #source: StoreSource | undefined;
  readonly #onKept: OnKept;
  readonly #random: SeededRandom;
  /** The life of each client that is under way; undefined between two of them. */
  readonly #clients: (ClientNode | undefined)[] = [];
  readonly #clientLives: number[] = [];
  readonly #devices = new Map<string, Device>();
  /** Clients that were closed, whose processes go on. */
  readonly #retired: ClientNode[] = [];
  #server: ServerNode;
  #isRestartDue = false;
  /** Servers from which the world was taken, and that may not know it yet. */
  readonly #former: ServerNode[] = [];
  #prober: Prober | undefined;
  readonly #journeys: Journeys;
  readonly #leasing: Leasing | undefined;
  readonly #hermits: Hermits | undefined;
  /** Ids that a user has come to know. */
  readonly #knownTo = new Map<string, Set<string>>();
  #serverLives = 0;
  #isCalm = false;
  #commits = 0;

  constructor(seed: number, isPrinting: boolean) {
    const scenario = scenarioOf(seed);
    const random = new SeededRandom(seed);
    const timeline = new Timeline();
    const checks = new Checks();
    const trace = new Trace(isPrinting);
    const ephemeral = [...scenario.ephemeral, ...scenario.sessionObjects];
    const visibility = new Visibility(scenario.views?.rules);
    const sights = new Sights(visibility, timeline);
    const isJudged = visibility.hasRules && scenario.handlers.silentChance === 0;
    const oracle = new ServerOracle(
      checks,
      ephemeral,
      scenario.device !== undefined,
      isJudged ? visibility : undefined,
    );
    const climate = { ...CALM };
    const network = new Network(
      timeline,
      random.fork("network"),
      climate,
      scenario.isSloppy,
      (connection, hello) => this.#tap(connection, hello),
    );
    const isTold = scenario.handlers.names.length > 0;
    const conflicts =
      scenario.conflicts && new ConflictOracle(checks, scenario.conflicts, isTold, visibility);
    const isWatched = scenario.conflicts !== undefined || scenario.visits !== undefined;
    const outboxes = isWatched ? new OutboxWatch(oracle, checks) : undefined;
    const strict = scenario.visits && new StrictOracle(checks);
    const posted = scenario.hermits && new Posted(checks, () => this.#hermits?.newsCame());
    const leases = scenario.leases && new LeaseOracle(checks, () => timeline.now);
    listenToCore(outboxes && heardBy({ conflicts, outboxes, strict, oracle }));
    this.#seed = seed;
    this.#random = random.fork("simulation");
    this.#context = {
      scenario,
      limits: resolveLimits(scenario.limits, DEFAULT_LIMITS),
      random,
      timeline,
      trace,
      checks,
      oracle,
      sights,
      network,
      conflicts,
      outboxes,
      strict,
      leases,
      posted,
      isCalm: () => this.#isCalm,
    };
    this.#journeys = new Journeys(this.#context, {
      clients: () => this.#living(),
      crashClient: (client) => this.#crashClient(client),
      crashServer: () => this.#crashServer(),
    });
    this.#leasing =
      leases &&
      new Leasing(this.#context, leases, {
        server: () => this.#server,
        crashServer: () => this.#crashServer(),
        closeServer: () => this.#closeServer(),
      });
    this.#hermits = posted && new Hermits(this.#context, posted, () => this.#server);
    this.#onKept = (epoch, batch, objects) => {
      oracle.kept(epoch, batch, objects);
      posted?.kept(epoch, objects);
      if (leases?.kept(epoch, objects) === true) this.#leasing?.checkAll();
      if (visibility.hasRules) sights.note(objects.flatMap(objectOf));
      this.#commits += batch.seq - batch.expectedSeq;
      trace.add(timeline.now, "store", `${epoch} ${batch.expectedSeq}..${batch.seq}`);
    };
    const { isDurable, drive } = scenario.store;
    const onDoubt = (epoch: string): void => oracle.doubted(epoch);
    if (drive !== undefined) {
      this.#machine = new Machine(random.fork("machine"), drive, oracle, {
        kept: this.#onKept,
        doubted: onDoubt,
        powerLost: () => this.#endServers(),
        saw: (what) => checks.saw(what),
      });
    }
    const stream = random.fork("disk");
    this.#source =
      isDurable && this.#machine === undefined
        ? new RemoteStore(timeline, stream, scenario.store, this.#onKept, onDoubt)
        : this.#machine;
    trace.add(0, "seed", `${seed} ${JSON.stringify(scenario)}`);
    this.#server = this.#openServer();
  }

  async run(): Promise<Result> {
    const { checks } = this.#context;
    try {
      await this.#phases();
    } catch (error) {
      checks.fail("G20", `the simulation failed: ${describe(error)}`);
    }
    const { trace, timeline } = this.#context;
    const all = [...this.#clients, ...this.#retired];
    return {
      seed: this.#seed,
      violation: checks.violation,
      traceHash: trace.hash,
      traceTail: trace.tail,
      commits: this.#commits,
      writes: all.reduce((sum, client) => sum + (client?.log.issued ?? 0), 0),
      checks: checks.count,
      seen: checks.seen,
      virtualMs: timeline.now,
    };
  }

  async #phases(): Promise<void> {
    const { scenario, network } = this.#context;
    await this.#runUntil(10_000, () => this.#server.isOpen);
    this.#begin();
    Object.assign(network.climate, scenario.climate);
    if (!(await this.#runUntil(scenario.chaosMs, () => false))) return;
    this.#heal();
    await this.#runUntil(LIVENESS_MS, () => this.#isQuiet());
    if (!this.#demandQuiet("after healing")) return;
    for (const client of this.#living()) client.process.run(() => client.workload.sign());
    for (const server of [...this.#former, this.#server]) server.sign();
    this.#journeys.settle();
    await this.#runUntil(LAST_WORDS_MS, () => this.#isQuiet());
    this.#demandQuiet("after the last words");
    if (!(await this.#runUntil(AFTERMATH_MS, () => false))) return;
    if (scenario.visits !== undefined && !(await this.#lastVisits())) return;
    this.#conclude();
  }

  /** Those that are not live hear of the last words of others only when they go there. */
  async #lastVisits(): Promise<boolean> {
    this.#journeys.settle();
    await this.#runUntil(LAST_WORDS_MS, () => this.#isQuiet());
    if (!this.#demandQuiet("after the last visits")) return false;
    return this.#runUntil(STORING_MS, () => false);
  }

  #begin(): void {
    const { scenario, timeline } = this.#context;
    const crowd = scenario.views?.crowd?.clients ?? 0;
    for (let index = 0; index < scenario.clients + crowd; index++) {
      this.#clients.push(undefined);
      this.#clientLives.push(0);
      timeline.after(this.#random.between(0, 1_000), () => this.#startClient(index));
    }
    repeatedly(timeline, this.#random.fork("server"), scenario.serverActionMeanMs, () => {
      if (!this.#isCalm) this.#server.act();
      return !this.#isCalm;
    });
    if (scenario.faults.includes("restore")) {
      repeatedly(timeline, this.#random.fork("backups"), BACKUP_MEAN_MS, () => {
        if (this.#server.isOpen) this.#machine?.backUp();
        return !this.#isCalm;
      });
    }
    new Unrest(this.#context, this.#random, {
      clients: () => this.#living(),
      server: () => this.#server,
    }).begin();
    this.#leasing?.begin();
    this.#hermits?.begin();
    this.#turnGates();
    this.#probe();
    new Trouble(this.#context, {
      clients: () => this.#living(),
      crashServer: () => this.#crashServer(),
      closeServer: () => this.#closeServer(),
      takeOver: () => this.#takeOver(),
      restore: () => this.#restore(),
      crashClient: (client) => this.#crashClient(client),
    }).begin();
  }

  /** Opens and closes gates, and has the servers look again at who may see what. */
  #turnGates(): void {
    const { scenario, timeline, sights, checks } = this.#context;
    const rules = scenario.views?.rules;
    if (rules === undefined) return;
    const random = this.#random.fork("gates");
    repeatedly(timeline, random, rules.gateMeanMs, () => {
      if (this.#isCalm) return false;
      if (this.#server.process.isHalted) return true; // the gates are its application's
      const team = random.pick(TEAMS);
      this.#trace(`the gate of team ${team} turns`);
      checks.saw("gate");
      sights.visibility.turnGate(team);
      const areNamed = random.chance(0.3);
      for (const server of [...this.#former, this.#server]) {
        const { objects } = server;
        sights.note(objects.values() as Iterable<PlainObject>);
        server.revoke(areNamed ? [...objects.keys()] : undefined);
      }
      return true;
    });
  }

  #probe(): void {
    const { scenario, timeline } = this.#context;
    if (scenario.views?.rules?.isProbed !== true) return;
    const random = this.#random.fork("probe");
    const prober = new Prober(this.#context, `x${random.below(2)}`, () => this.#server);
    this.#prober = prober;
    repeatedly(timeline, random, PROBE_MEAN_MS, () => {
      if (!this.#isCalm) prober.probe();
      return !this.#isCalm;
    });
  }

  #heal(): void {
    const { network, trace, timeline } = this.#context;
    trace.add(timeline.now, "------", "everything heals");
    this.#isCalm = true;
    Object.assign(network.climate, CALM);
    network.heal();
    this.#leasing?.heal();
    for (const client of this.#living()) {
      client.calmDown();
      client.connect();
    }
    this.#hermits?.settle();
  }

  #startServer(): void {
    try {
      this.#server = this.#openServer();
    } catch (error) {
      if (!(error instanceof DriveError || error instanceof PowerLoss)) throw error;
      this.#context.checks.saw("disk trouble while a server starts");
      this.#restartSoon();
    }
  }

  #openServer(): ServerNode {
    const { checks, oracle, sights } = this.#context;
    const life = this.#serverLives;
    this.#serverLives += 1;
    const server = new ServerNode(this.#context, life, this.#source, this.#onKept);
    checks.check(
      isSame(server, oracle.current),
      "G5",
      () => "the server restarts with other state",
    );
    sights.note(server.objects.values() as Iterable<PlainObject>);
    server.open();
    return server;
  }

  #crashServer(): void {
    if (!this.#server.isOpen) return;
    this.#trace("the server crashes");
    this.#context.checks.saw("server crash");
    if (this.#machine !== undefined && this.#random.chance(0.5)) this.#machine.losePower();
    else this.#endServer(this.#server);
  }

  #closeServer(): void {
    const server = this.#server;
    if (!server.isOpen) return;
    this.#trace("the server closes");
    this.#context.checks.saw("server close");
    this.#context.network.stopListening();
    server.close().then(
      // A takeover may have come to nothing before, and been tried again meanwhile: then another is there.
      () => (server === this.#server ? this.#endServer(server) : this.#end(server)),
      (error: unknown) => this.#context.checks.fail("G20", `close() failed: ${describe(error)}`),
    );
  }

  #takeOver(): void {
    // One that has come to nothing is tried again soon: another besides would depose the next server.
    if (!this.#server.isOpen || this.#isRestartDue) return;
    this.#trace("another server takes over");
    this.#context.checks.saw("takeover");
    this.#server.supersede();
    this.#former.push(this.#server);
    this.#startServer();
  }

  #restore(): void {
    if (this.#machine === undefined || !this.#server.isOpen) return;
    this.#trace("a backup is restored");
    this.#endServers();
    this.#machine.restore(WORLD);
  }

  /** Everything on the servers' machine ends. */
  #endServers(): void {
    for (const former of this.#former.splice(0)) this.#end(former);
    this.#endServer(this.#server);
  }

  #endServer(server: ServerNode): void {
    this.#context.network.stopListening();
    this.#end(server);
    this.#restartSoon();
  }

  #end({ process }: ServerNode): void {
    const { network } = this.#context;
    process.kill();
    for (const connection of network.connections) {
      // What a closed link has sent still arrives.
      if (connection.server?.isOpen !== true || connection.server.process !== process) continue;
      const isNoticed = this.#random.chance(0.8);
      const clientNoticesMs = isNoticed ? this.#random.between(0, 50) : 30_000;
      connection.cut({ clientNoticesMs, serverNoticesMs: 0 });
    }
  }

  #restartSoon(): void {
    if (this.#isRestartDue) return;
    this.#isRestartDue = true;
    this.#context.timeline.after(this.#random.exponential(2_000), () => {
      this.#isRestartDue = false;
      this.#startServer();
    });
  }

  #startClient(index: number): void {
    const life = this.#clientLives[index] ?? 0;
    this.#clientLives[index] = life + 1;
    const { timeline, random, scenario } = this.#context;
    const isOfCrowd = index >= scenario.clients;
    const user = isOfCrowd ? CROWD_USER : this.#userOf(index);
    const name = user === undefined ? `c${index}` : `${user}_c${index}`;
    const device = user === undefined || isOfCrowd ? undefined : this.#deviceOf(user);
    const strikes = this.#journeys.strikesOf(index);
    const client = new ClientNode(this.#context, device, name, index, life, strikes);
    this.#clients[index] = client;
    const stream = random.fork(`${client.key} actions`);
    const meanMs = scenario.actionMeanMs * (isOfCrowd ? CROWD_REST_FACTOR : 1);
    repeatedly(timeline, stream, meanMs, () => {
      if (this.#isCalm || this.#clients[index] !== client) return false;
      this.#act(client, stream);
      return true;
    });
    this.#journeys.begin(client, () => this.#clients[index] === client);
    if (!isOfCrowd) this.#tally(client, index);
    if (scenario.views === undefined || isOfCrowd) return;
    const turns = random.fork(`${client.key} turns`);
    repeatedly(timeline, turns, scenario.views.turnMeanMs, () => {
      if (this.#isCalm || this.#clients[index] !== client) return false;
      client.turn();
      return true;
    });
  }

  #tally(client: ClientNode, index: number): void {
    const { timeline, random, scenario } = this.#context;
    if (scenario.conflicts === undefined) return;
    const { tallyMeanMs } = scenario.conflicts;
    const stream = random.fork(`${client.key} tally`);
    repeatedly(timeline, stream, tallyMeanMs * scenario.clients, () => {
      if (this.#isCalm || this.#clients[index] !== client) return false;
      client.tally(stream);
      return true;
    });
  }

  /** Whose device a client is on, if its state is kept. */
  #userOf(index: number): string | undefined {
    const { device } = this.#context.scenario;
    if (device === undefined) return undefined;
    return `u${device.isShared && index < 3 ? 0 : index}`;
  }

  #deviceOf(user: string): Device {
    const { scenario, timeline, random } = this.#context;
    const known = this.#devices.get(user);
    if (known !== undefined) return known;
    const stream = random.fork(`device ${user}`);
    const device = new Device(
      timeline,
      stream,
      scenario.device as DeviceScenario,
      () => this.#isCalm,
    );
    this.#devices.set(user, device);
    return device;
  }

  #act(client: ClientNode, random: SeededRandom): void {
    const { timeline } = this.#context;
    const action = random.below(1_000);
    if (action < 20) {
      client.disconnect();
      timeline.after(random.exponential(3_000), () => {
        if (!client.isClosed) client.connect();
      });
    } else if (action < 24) {
      client.close();
      this.#retired.push(client);
      this.#replace(client, random);
    } else client.act();
  }

  #crashClient(client: ClientNode): void {
    const { network } = this.#context;
    this.#trace(`${client.key} crashes`);
    client.crash();
    for (const connection of network.connections) {
      if (connection.client.process !== client.process) continue;
      const isNoticed = this.#random.chance(0.7);
      connection.cut({ clientNoticesMs: 0, serverNoticesMs: isNoticed ? 20 : 40_000 });
    }
    this.#replace(client, this.#random);
  }

  #replace(client: ClientNode, random: SeededRandom): void {
    const index = this.#clients.indexOf(client);
    this.#clients[index] = undefined;
    this.#context.timeline.after(random.exponential(1_000), () => this.#startClient(index));
  }

  #living(): ClientNode[] {
    return this.#clients.filter((client) => client !== undefined);
  }

  #tap(connection: Connection, { clientId, auth, topics, cursor, schema = OLD }: Hello): Wiretap {
    const { key: name, expiresAt } = parseCredentials(auth);
    const client = this.#living().find(({ key }) => key === name);
    const prober = this.#prober?.user === name ? this.#prober : undefined;
    const user = client?.user ?? prober?.user;
    if (user === undefined) return NO_TAP;
    const { limits, checks, oracle, trace, timeline, sights, scenario } = this.#context;
    const isServer = ({ process }: ServerNode): boolean => process === connection.server?.process;
    const server = [...this.#former, this.#server].find(isServer);
    if (server === undefined) return NO_TAP;
    const asked = topics === undefined ? undefined : (topicsFromText(topics, limits) as Topic[]);
    const known = this.#knownTo.get(user) ?? new Set();
    this.#knownTo.set(user, known);
    const { hasEphemeral } = oracle;
    const isOrdered = !scenario.isHostile;
    const audit = new Audit({
      user,
      asked,
      // Where there is one version, objects are not different to anyone.
      schema: scenario.oldSchemaChance === undefined ? NEW : (schema as SchemaVersion),
      sights,
      checks,
      server,
      known,
      hasEphemeral,
      hasHandlers: scenario.handlers.names.length > 0,
      isOrdered,
    });
    const isOlder = scenario.oldSchemaChance !== undefined && schema === OLD;
    const { conflicts, strict } = this.#context;
    const objects = (): Iterable<PlainObject> => server.objects.values() as Iterable<PlainObject>;
    const noteSent = strict?.admitted(
      clientId,
      client && this.#journeys.strictly(connection, client, objects),
    );
    const isHeard = conflicts !== undefined || strict !== undefined;
    const onWrite = (write: Mutation): void => {
      conflicts?.sent(clientId, { ...write, isOlder });
      noteSent?.(write.n);
    };
    return new ConnectionTap({
      clientId,
      onWrite: isHeard ? onWrite : undefined,
      cursorSeq: cursor.seq,
      limits,
      checks,
      oracle,
      isExpired: () => timeline.now > expiresAt + EXPIRY_SLACK_MS,
      objects: () => server.objects.values(),
      audit: client?.isPartial === false ? undefined : audit,
      onDelivered: (message, isRefused, expected) => {
        if (client?.isHeir(clientId) === false) client.take(message, isRefused, expected);
      },
      trace: (what) => trace.add(timeline.now, connection.name, what),
    });
  }

  /** Whether all is well so far. */
  async #runUntil(forMs: number, isEnough: () => boolean): Promise<boolean> {
    const { timeline, checks } = this.#context;
    if (!checks.isSound()) return false;
    await timeline.run(timeline.now + forMs, () => {
      this.#afterEvent();
      return !checks.isSound() || isEnough();
    });
    return checks.isSound();
  }

  /** What must hold at every moment. */
  #afterEvent(): void {
    this.#context.oracle.settle();
    for (const client of this.#clients) {
      if (client?.process.takeHasRun() === true) client.check(false);
    }
    this.#leasing?.check();
    this.#hermits?.check();
  }

  #isQuiet(): boolean {
    const isServerQuiet = this.#server.isOpen && this.#server.log.open.size === 0;
    const areClientsQuiet = this.#clients.every((client) => client?.isQuiet === true);
    const areOthersQuiet = this.#leasing?.isQuiet !== false && this.#hermits?.isQuiet !== false;
    return isServerQuiet && areClientsQuiet && areOthersQuiet;
  }

  #demandQuiet(when: string): boolean {
    const isQuiet = this.#isQuiet();
    this.#context.checks.check(isQuiet, "G21", () => {
      const clients = this.#clients.map((client) =>
        client === undefined ? "none" : `${client.key}: ${client.state}`,
      );
      return `${when}: server ${this.#server.log.open.size} open; ${clients.join("; ")}${this.#leasing?.state ?? ""}${this.#hermits?.state ?? ""}`;
    });
    return isQuiet;
  }

  /** What must hold in the end. */
  #conclude(): void {
    const { checks, oracle, scenario } = this.#context;
    const kept = [...this.#server.objects.values()].filter(({ id }) => !oracle.isEphemeral(id));
    checks.check(texts(kept) === texts(oracle.current.objects()), "G2", () => {
      return "the server's objects are not those that its store has";
    });
    this.#checkSessionObjects();
    for (const client of this.#living()) {
      client.check(true);
      this.#checkView(client);
      const isSigned = this.#server.objects.has(`final:${client.key}`);
      checks.check(isSigned, "G21", () => `the last write of ${client.key} is not there`);
      client.checkSettled();
    }
    for (const client of this.#retired) {
      client.checkSettled();
      const isConfirmed = texts(client.view.values()) === texts(client.mirror.objects.values());
      checks.check(isConfirmed, "G8", () => `${client.key} is closed, and shows undecided writes`);
    }
    this.#leasing?.conclude();
    this.#hermits?.conclude();
    this.#server.log.checkAllSettled();
    for (const former of this.#former) {
      former.log.checkAllSettled();
      checks.check(
        !former.isUnaware,
        "G19",
        () => `${former.key} was deposed, and does not say so`,
      );
    }
    for (const device of this.#devices.values()) {
      const unfinished = device.unfinished();
      checks.check(unfinished.length === 0, "G21", () => `${unfinished.join()} is never decided`);
      if (scenario.handlers.names.length > 0) continue; // they may change what is written
      for (const token of device.promised) {
        const isKnown = (text: string): boolean =>
          device.rejected.has(text) ||
          device.holds(text) ||
          oracle.givenUp.has(text) ||
          oracle.hasEverTakenEffect(text);
        checks.check(oracle.isAccountedFor(token, isKnown), "G19", () => {
          return `${token} was stored, and nobody knows what became of it`;
        });
      }
    }
  }

  /** A client shows all that it may see of what it has asked for. */
  #checkView({ key, user, schema, asking, workload, view, isPartial }: ClientNode): void {
    const { checks, sights, scenario } = this.#context;
    if (scenario.isHostile && isPartial) return; // of a part that came in disorder nothing tells
    const isOne = scenario.oldSchemaChance === undefined;
    const eyes: Eyes = { team: teamOf(user), schema: isOne ? NEW : schema };
    const expected = new Map(sights.view(this.#server, eyes, asking.wanted));
    const { fetched, unfetched } = workload;
    for (const id of [...fetched, ...unfetched]) {
      if (!fetched.has(id) && !view.has(id)) continue;
      const text = sights.text(this.#server, eyes, id);
      if (text !== undefined) expected.set(id, text);
    }
    const shown = texts(view.values());
    checks.check(shown === [...expected.values()].sort().join("\n"), "G1", () => {
      return `${key} shows another world than the server has for it`;
    });
  }

  #checkSessionObjects(): void {
    const { scenario, oracle } = this.#context;
    // Handlers bring in objects, and keep silent about some: nobody tells who did that.
    if (scenario.sessionObjects.length === 0 || scenario.handlers.names.length > 0) return;
    const users = this.#living().map(({ user }) => user);
    const present = new Set([this.#server.key, this.#prober?.user ?? "", ...users]);
    oracle.checkSessionObjects(this.#server.objects.keys(), present);
  }

  #trace(what: string): void {
    const { trace, timeline } = this.#context;
    trace.add(timeline.now, "------", what);
  }
}

function objectOf({ id, properties }: ObjectRecord): PlainObject[] {
  return properties === null ? [] : [{ id, ...properties }];
}

function isSame(server: ServerNode, epoch: Epoch): boolean {
  return texts(server.objects.values()) === texts(epoch.objects());
}

function texts(objects: Iterable<object>): string {
  return Array.from(objects, canonical).sort().join("\n");
}
