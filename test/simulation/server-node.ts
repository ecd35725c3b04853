import { admission } from "../../server/admission.ts";
import { authenticated } from "../../server/authenticated.ts";
import { Authorizers } from "../../server/authorization.ts";
import type { CheckedChange } from "../../server/change-checks.ts";
import { Endings } from "../../server/endings.ts";
import { HostedWorld } from "../../server/hosted-world.ts";
import { Lifetimes } from "../../server/lifetimes.ts";
import { Guard } from "../../server/plugins/leases/guard.ts";
import { LeaseKeeper } from "../../server/plugins/leases/lease-keeper.ts";
import { MemoryStore } from "../../server/stores/memory.ts";
import type { StoredWorld } from "../../server/stores/store.ts";
import type { SyncError } from "../../lib/errors.ts";
import { equalValues, type SyncObject } from "../../lib/object.ts";
import { AskedChanges } from "./asked-changes.ts";
import { parseCredentials } from "./credentials.ts";
import { newProcess, type Context } from "./context.ts";
import { Database } from "./database.ts";
import { guardedId, leaseName } from "./guarded.ts";
import { COMING_ID, GOING } from "./posted.ts";
import { timeOf } from "./lease-time.ts";
import type { PlainObject } from "./plain-object.ts";
import type { OnKept, StoreSource } from "./remote-store.ts";
import { describe, type SimProcess } from "./process.ts";
import type { SeededRandom } from "./random.ts";
import { HISTORY, isMisnamed, MARKS, NEW } from "./schema-history.ts";
import type { Holder } from "./sights.ts";
import { userOf } from "./token.ts";
import { channelsOf, teamOf } from "./visibility.ts";
import { watched } from "./watched-store.ts";
import { Workload, type Flutter } from "./workload.ts";
import { WriteLog } from "./write-log.ts";

export const WORLD = "default";
/** What a server reports when its handlers or its store are at fault. */
const EXPECTED_CODES: ReadonlySet<string> = new Set([
  "handler_failed",
  "migration_failed",
  "timeout",
  "unavailable",
]);

/** One life of the server, with its application. */
export class ServerNode implements Holder {
  readonly key: string;
  readonly process: SimProcess;
  readonly log: WriteLog;
  readonly #context: Context;
  readonly #random: SeededRandom;
  readonly #asked = new AskedChanges();
  readonly #world: HostedWorld;
  readonly #workload: Workload;
  #isOpen = false;
  #isClosing = false;
  /** Another server has opened the same world since. */
  #isSuperseded = false;
  #posted = 0;
  #isDeposed = false;

  constructor(context: Context, life: number, source: StoreSource | undefined, onKept: OnKept) {
    const { checks, limits, scenario, isCalm, sights } = context;
    this.key = `s-${life}`;
    this.#context = context;
    this.process = newProcess(context, this.key);
    this.#random = context.random.fork(`${this.key} application`);
    const { environment } = this.process;
    const isCalmNow = (): boolean => isCalm() || !this.#isOpen;
    const database = new Database(
      this.process,
      this.#random.fork("database"),
      scenario.handlers,
      checks,
      // What was refused after that, as an object was gone, may be written anew.
      (token) => context.oracle.retried.has(token) || context.oracle.late.has(token),
      isCalmNow,
    );
    if (sights.visibility.hasRules) {
      this.#asked.checks.add((change) => this.#judge(change));
    }
    const authorizers = new Authorizers();
    const store = source?.openFor(this.process, isCalmNow) ?? watched(new MemoryStore(), onKept);
    this.#world = new HostedWorld({
      name: WORLD,
      store: {
        capabilities: store.capabilities,
        load: (world, newEpoch) => {
          const stored = store.load(world, newEpoch) as StoredWorld; // all of them can at once
          context.oracle.opened(this.key, stored);
          context.leases?.opened(stored);
          context.posted?.opened(stored);
          return stored;
        },
        commit: (world, batch) => {
          context.leases?.submitted(batch.objects());
          return store.commit(world, batch);
        },
        close: () => store.close(),
      },
      handlers: database.handlers,
      authorizers,
      rules: sights.visibility.rules,
      channels: scenario.views && channelsOf,
      migrations: scenario.oldSchemaChance === undefined ? undefined : HISTORY,
      checks: this.#asked.checks,
      conflicts: scenario.conflicts?.modes,
      references: scenario.conflicts?.references,
      flush: scenario.flush,
      lifetimes: new Lifetimes(scenario.ephemeral, scenario.sessionObjects),
      limits,
      environment,
    });
    this.log = new WriteLog(this.key, checks, false, (issued, error) => {
      this.#trace(`${issued.kind} ${issued.order} ${error === null ? "ok" : error.code}`);
    });
    this.#workload = new Workload(
      this.key,
      0,
      this.#world,
      this.log,
      this.#random,
      () => this.process.lastId,
      scenario.views?.rules !== undefined,
      scenario.oldSchemaChance === undefined ? undefined : MARKS[NEW],
    );
    this.#listen();
    if (scenario.leases !== undefined) this.#giveLeases(authorizers);
  }

  get isOpen(): boolean {
    return this.#isOpen && this.process.isAlive && !this.#isClosing;
  }

  /** Whether it goes on as if the world were still its own. */
  get isUnaware(): boolean {
    return this.#isSuperseded && !this.#isDeposed && this.isOpen;
  }

  get objects(): ReadonlyMap<string, SyncObject> {
    return this.#world.allObjects();
  }

  /** Lets clients in, once there is something to see. */
  open(): void {
    const { scenario, network, limits, trace, timeline } = this.#context;
    const isEmpty = this.objects.size === 0;
    trace.add(timeline.now, this.key, `starts with ${this.objects.size} objects`);
    if (isEmpty)
      this.process.run(() =>
        this.#workload.populate(
          scenario.objects,
          scenario.conflicts !== undefined,
          this.#objectsApart(),
        ),
      );
    const listen = (): void => {
      if (this.log.open.size > 0) {
        this.process.environment.scheduler.after(1, listen);
        return;
      }
      this.#isOpen = true;
      network.listen({
        process: this.process,
        admit: (hello) =>
          admission(
            { hello, headers: {}, address: "", url: "" },
            {
              authenticate: ({ auth }) => identify(auth),
              limits,
              worldOf: (name) => (name === WORLD ? this.#world : undefined),
              environment: this.process.environment,
              timeOfDay: this.process.timeOfDay,
              endings: new Endings(),
            },
          ),
      });
    };
    listen();
  }

  act(): void {
    if (!this.isOpen) return;
    this.process.run(() => this.#workload.act());
  }

  stir(): void {
    if (this.isOpen) this.process.run(() => this.#workload.stir());
  }

  flutter(flutter: Flutter, time: number): void {
    if (this.isOpen) this.process.run(() => this.#workload.flutter(flutter, time));
  }

  /** Who may see what has changed for a reason that no object tells. */
  revoke(ids?: readonly string[]): void {
    if (!this.process.isAlive) return;
    this.process.run(() => {
      this.#world.revoke(ids).catch((error: unknown) => {
        if (!this.#isClosing) this.#context.checks.fail("G16", `revoke failed: ${describe(error)}`);
      });
    });
  }

  /** Writes what only comes to clients, and what of theirs only goes: of that nothing comes back. */
  post(random: SeededRandom): void {
    if (!this.isOpen) return;
    const going = [...this.objects.keys()].filter((id) => id.startsWith(GOING));
    // Above what is on its way: it never goes back.
    const count = Math.max(this.#posted, Number(this.objects.get(COMING_ID)?.["count"] ?? 0)) + 1;
    this.#posted = count;
    const write = (object: { readonly id: string }): void =>
      void this.#world.update(object).catch(() => undefined);
    this.process.run(() => {
      write({ id: COMING_ID, ...{ count } });
      if (going.length > 0) write({ id: random.pick(going), ...{ server: count } });
    });
  }

  /** Ends what has a lease, or wants it. */
  endLease(id: string): void {
    this.process.run(() => void this.#world.destroy(id).catch(() => undefined));
  }

  sign(): void {
    this.process.run(() => this.#workload.sign());
  }

  supersede(): void {
    this.#isSuperseded = true;
  }

  /** Drains; resolves when that is done. */
  async close(): Promise<void> {
    this.#isClosing = true;
    await this.#world.close();
  }

  /** It has just been asked whether this may be done. */
  #judge(change: CheckedChange): void {
    const { checks, sights } = this.#context;
    const { kind, id, before, object, session } = change;
    sights.foresee(object);
    if (session === null) return;
    const user = String(session.identity);
    const written = kind === "create" ? change.properties : change.changes;
    // A handler may answer with all of the object as it was.
    const names = Object.keys(written).filter(
      (name) => !equalValues(before?.[name], written[name]),
    );
    const isAllowed = sights.visibility.allows(teamOf(user), { kind, before, object, names });
    checks.check(isAllowed, "G17", () => `${user} may not ${kind} ${id} like this now`);
  }

  /** What only some of the clients have to do with. */
  #objectsApart(): readonly PlainObject[] {
    const { leases, hermits } = this.#context.scenario;
    const names = Array.from({ length: leases?.names ?? 0 }, (_, i) => leaseName(i));
    return [
      ...names.map((name) => ({ id: guardedId(name), fence: 0, count: 0 })),
      ...(hermits === undefined ? [] : [{ id: COMING_ID, count: 0 }]),
    ];
  }

  /** As the plugin does it. */
  #giveLeases(authorizers: Authorizers): void {
    const { environment } = this.process;
    this.process.run(() => {
      const keeper = new LeaseKeeper(this.#world, timeOf(environment));
      const options = { world: WORLD, ttlMaxMs: 600_000, requestsPerClientMax: 100 };
      const guard = new Guard(keeper.requests, options);
      authorizers.add(guard.authorize);
      this.#asked.checks.add(keeper.check);
      void keeper.begin();
    });
  }

  #listen(): void {
    const { checks, oracle, leases } = this.#context;
    const isAlive = (): boolean => this.process.isAlive;
    const world = this.#world;
    const identityOf = (identity: unknown): string =>
      typeof identity === "string" ? identity : this.key;
    const checkBank = (): void => {
      if (this.#isOpen) oracle.checkBank((id) => world.get(id));
    };
    const checkAsked = (object: SyncObject): void => {
      if (isMisnamed(object)) {
        checks.fail("versions", `${object.id} holds what a client of another version has written`);
      }
      if (!this.#asked.has(object)) {
        checks.fail("G17", `no check was asked about ${object.id} as it is now`);
      }
    };
    world.on("create", (object, { identity }) => {
      if (!isAlive()) return;
      checkAsked(object);
      const writer = identityOf(identity);
      const isOfClient = writer !== this.key;
      oracle.announced({ server: this.key, id: object.id, writer, isOfClient, object });
      checkBank();
    });
    world.on("update", (object, changed, previous, { identity }) => {
      if (!isAlive()) return;
      checkAsked(object);
      const writer = identityOf(identity);
      const isOfClient = writer !== this.key;
      const { id } = object;
      oracle.announced({ server: this.key, id, writer, isOfClient, object, changed, previous });
      leases?.counted(id, changed, previous);
      checkBank();
    });
    world.on("destroy", (id, object, { identity }) => {
      if (!isAlive()) return;
      const writer = identityOf(identity);
      const isOfClient = writer !== this.key;
      oracle.announced({ server: this.key, id, writer, isOfClient, object, isDestroyed: true });
      checkBank();
    });
    world.on("connect", ({ identity }) => this.#trace(`+ ${String(identity)}`));
    world.on("disconnect", ({ identity }) => this.#trace(`- ${String(identity)}`));
    world.on("error", (error) => {
      if (isAlive()) this.#hearError(error);
    });
  }

  #hearError(error: SyncError): void {
    this.#trace(`error ${error.code}: ${error.message}`);
    this.#context.checks.saw(`server error ${error.code}: ${error.message}`);
    if (error.code === "deposed" && this.#isSuperseded) {
      this.#isDeposed = true;
      this.#isClosing = true;
      return;
    }
    if (EXPECTED_CODES.has(error.code) && error.message !== "the server failed on this write") {
      return;
    }
    this.#context.checks.fail("G20", `the server reports ${error.code}: ${describe(error)}`);
  }

  #trace(what: string): void {
    if (!this.process.isAlive) return;
    const { trace, timeline } = this.#context;
    trace.add(timeline.now, this.key, what);
  }
}

function identify(auth: unknown): unknown {
  const { key, expiresAt } = parseCredentials(auth);
  return expiresAt === Infinity ? userOf(key) : authenticated(userOf(key), { expiresAt });
}
