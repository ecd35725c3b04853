import { Client } from "../../client/client.ts";
import { explicit } from "../../client/explicit/index.ts";
import { persist } from "../../client/keeping/persist.ts";
import { resolveOptions } from "../../client/options.ts";
import type { SyncError } from "../../lib/errors.ts";
import type { Connect } from "../../lib/link.ts";
import { CLIENT_LIMITS, type ClientLimits } from "../../lib/limits.ts";
import { newProcess, type Context } from "./context.ts";
import type { Device } from "./device.ts";
import type { HermitScenario } from "./hermit-scenario.ts";
import type { Home } from "./home.ts";
import { COMING, COMING_ID, GOING, STAYING, type Outside } from "./posted.ts";
import type { SimProcess } from "./process.ts";
import type { SeededRandom } from "./random.ts";
import { userOf } from "./token.ts";

const IDS = 3;
/** More, as what was forgotten here is on the server still. */
const GOING_IDS = 9;

/** Why a visit may fail, or a write, when everything is as it should be. */
const EXPECTED_CODES: ReadonlySet<string> = new Set([
  "closed",
  "discarded",
  "exists",
  "gone",
  "handler_failed",
  "not_found",
  "out_of_date",
  "rate_limited",
  "refused",
  "slow_client",
  "superseded",
  "timeout",
  "unavailable",
  "uncertain",
]);

/** What a device has that outlives its clients. */
export interface Cell {
  readonly device: Device;
  readonly home: Home;
}

/** One life of a client that is not live and keeps some objects to itself, and what must hold of it. */
export class Hermit {
  readonly key: string;
  readonly process: SimProcess;
  readonly #context: Context;
  readonly #scenario: HermitScenario;
  readonly #random: SeededRandom;
  readonly #cell: Cell;
  readonly #outside: Outside;
  readonly #client: Client;
  /** Visits that were asked for and are not over. */
  #visits = 0;
  #isAuto = false;
  /** It does no more by itself, and what it has begun may not be over yet. */
  #isEnding = false;
  /** It was seen what its device has kept. */
  #hasLooked = false;
  #isResetting = false;
  #written = 0;
  #open = 0;
  /** By id, what was accepted last of what only goes, if nothing was written since. */
  readonly #gone = new Map<string, string>();
  /** When it has synced last by itself, or because it was asked to; undefined since it did something. */
  #isSettled = false;

  constructor(
    context: Context,
    scenario: HermitScenario,
    cell: Cell,
    outside: Outside,
    name: string,
    life: number,
  ) {
    this.key = `${name}-${life}`;
    this.#context = context;
    this.#scenario = scenario;
    this.#cell = cell;
    this.#outside = outside;
    this.process = newProcess(context, this.key);
    this.#random = context.random.fork(`${this.key} hermit`);
    const names = new Set(Object.keys(CLIENT_LIMITS));
    const limits = Object.entries(context.limits).filter(([limit]) => names.has(limit));
    const options = {
      autoConnect: false,
      live: explicit,
      auth: this.key,
      storage: persist(() => cell.device.storageFor(this.process)),
      namespaces: {
        [STAYING]: { sync: false },
        [GOING]: { sync: "push" },
        [COMING]: { sync: "pull" },
      } as const,
      limits: Object.fromEntries(limits) as Partial<ClientLimits>,
    };
    this.#client = new Client(resolveOptions(options), {
      environment: this.process.environment,
      connect: this.#watched(context.network.connectFrom(this.process, name)),
    });
    this.#client.on("uncertain", (write) => write.discard());
    // Also what an earlier client has left, of which nobody else hears.
    this.#client.on("reject", (_error, { operations }) => {
      for (const { id } of operations) this.#unclear.add(id);
    });
    this.#client.on("error", (error) => this.#expect("sync by itself", error));
  }

  /** It has come back from its server after everything healed, and nothing is left to do. */
  get isQuiet(): boolean {
    return this.#isSettled && this.#open === 0;
  }

  get state(): string {
    const { status, pending } = this.#client;
    return `${this.key}: ${status}, ${this.#open} open, ${pending} pending`;
  }

  act(): void {
    const random = this.#random;
    this.process.run(() => {
      if (this.#isResetting) return;
      const action = random.fraction();
      if (!this.#hasLooked) this.#visit("pull");
      else if (action < this.#scenario.resetChance) this.#reset();
      else if (action < 0.4) this.#stay();
      else if (action < 0.6) this.#send();
      else if (action < 0.65) this.#mistake();
      else if (action < 0.7)
        this.#setAuto(random.chance(0.7) ? random.pick(this.#scenario.autoMs) : 0);
      else if (this.#visits < 3) this.#visit(random.pick(["sync", "sync", "pull", "push"]));
    });
  }

  /** When everything works: it syncs, by itself if it did so before. */
  settle(): void {
    this.#isSettled = false;
    this.process.run(() => {
      if (this.#isResetting || !this.#isAuto) this.#visit("sync");
      else this.#settleAlone();
    });
  }

  crash(): void {
    this.#trace("crashes");
    this.process.kill();
    this.#cell.device.ended(this.process);
  }

  /** After each event in its process. */
  check(): void {
    const isAway = this.#client.status === "offline";
    if (isAway && this.#visits === 0) this.#isEnding = false;
    this.#checkHome();
    for (const id of this.#goingIds) {
      const object = this.#client.get(id);
      const isBare = !Object.hasOwn(object ?? {}, "server");
      this.#check(isBare, () => `is shown what the server has written to ${id}`);
      const gone = this.#gone.get(id);
      const value: unknown = Reflect.get(object ?? {}, "v");
      this.#check(gone === undefined || value === gone, () => {
        return `shows ${id} as ${String(value)}, and sent ${gone}`;
      });
    }
  }

  /** When all is over. */
  conclude(): void {
    const { count } = this.#outside.news();
    this.#check(this.#news === count, () => `is at ${this.#news}, and the server at ${count}`);
  }

  /** Nobody else's: of what others make of it nothing comes. */
  get #goingIds(): readonly string[] {
    return idsOf(`${GOING}:${userOf(this.key)}`, GOING_IDS);
  }

  get #news(): number {
    return Number(Reflect.get(this.#client.get(COMING_ID) ?? {}, "count") ?? 0);
  }

  /** What stays is as it was written, always. */
  #checkHome(): void {
    if (!this.#hasLooked || this.#isResetting) return;
    const { home } = this.#cell;
    for (const id of home.ids()) {
      const value: unknown = Reflect.get(this.#client.get(id) ?? {}, "v");
      this.#check(value === home.now(id), () => {
        return `shows ${id} as ${String(value)}, not as ${String(home.now(id))}`;
      });
    }
  }

  /** What the device has kept is there again. */
  #look(): void {
    if (this.#hasLooked) return;
    this.#hasLooked = true;
    const { home } = this.#cell;
    for (const id of new Set([...home.ids(), ...idsOf(STAYING)])) {
      const value = Reflect.get(this.#client.get(id) ?? {}, "v") as string | undefined;
      if (value !== undefined) this.#context.checks.saw("what stays is there again");
      this.#check(home.takes(id, value), () => `finds ${id} as ${String(value)}`);
    }
    home.taken();
  }

  #stay(): void {
    const id = this.#random.pick(idsOf(STAYING));
    const isThere = this.#client.get(id) !== undefined;
    const isEnd = isThere && this.#random.chance(0.2);
    const v = isEnd ? undefined : this.#newValue();
    const kept = this.#cell.home.writes(id, v);
    let calls = 0;
    this.#trace(`writes ${id} as ${String(v)}`);
    const told = (error: SyncError | null): void => {
      calls += 1;
      this.#check(calls === 1, () => `is told ${calls} times that ${id} is ${String(v)}`);
      this.#context.checks.saw(`stays ${error?.code ?? "ok"}`);
      this.#trace(`keeps ${id} as ${String(v)}: ${error?.code ?? "ok"}`);
      if (error === null) kept();
      else this.#expect("keep what stays", error);
    };
    if (isEnd) void this.#client.destroy(id, told).catch(() => undefined);
    else if (isThere) void this.#client.update({ id, v }, told).catch(() => undefined);
    else void this.#client.create({ id, v }, told).catch(() => undefined);
  }

  #send(): void {
    const id = this.#random.pick(this.#goingIds);
    const isThere = this.#client.get(id) !== undefined;
    const v = `${this.key} ${(this.#written += 1)}`;
    this.#gone.delete(id);
    const written = this.#written;
    this.#trace(`writes ${id} as ${v}${isThere ? "" : ", new"}`);
    this.#open += 1;
    this.#lastOf.set(id, written);
    const told = (error: SyncError | null): void => {
      this.#open -= 1;
      this.#context.checks.saw(`goes ${error?.code ?? "ok"}`);
      this.#trace(`sends ${id} as ${v}: ${error?.code ?? "ok"}`);
      if (error !== null) {
        this.#unclear.add(id);
        this.#expect("send what goes", error);
        return;
      }
      if (this.#unclear.has(id) || this.#lastOf.get(id) !== written || this.#isResetting) return;
      this.#gone.set(id, v);
      this.#check(this.#outside.hasKept(v), () => `is told that ${v} is there, and it is not`);
    };
    const write = isThere
      ? this.#client.update({ id, v }, told)
      : this.#client.create({ id, v }, told);
    void write.catch(() => undefined);
  }

  /** Of these the server has something that does not come: what is written upon it does not show. */
  readonly #unclear = new Set<string>();
  /** By id, the last write of what only goes. */
  readonly #lastOf = new Map<string, number>();

  /** What only comes is not written here, and what stays not together with what does not. */
  #mistake(): void {
    const expect = (code: string) => (error: SyncError | null) =>
      this.#check(error?.code === code, () => `is told ${error?.code ?? "ok"}, not ${code}`);
    const [staying] = idsOf(STAYING);
    const write = this.#random.chance(0.5)
      ? this.#client.create({ id: COMING_ID }, expect("forbidden"))
      : this.#client.transaction((tx) => {
          tx.create({ id: `${GOING}:with` });
          tx.create({ id: `${staying as string}-with` });
        }, expect("invalid_payload"));
    void write.catch(() => undefined);
  }

  #visit(kind: "sync" | "pull" | "push", over?: (isDone: boolean) => void): void {
    const { checks, isCalm } = this.#context;
    const before = this.#outside.news();
    const wasCalm = isCalm();
    this.#visits += 1;
    this.#isSettled = false;
    const client = this.#client;
    const visit = client[kind]((error) => {
      this.#visits -= 1;
      checks.saw(`hermit's ${kind} ${error?.code ?? "ok"}`);
      this.#trace(`${kind} ${error?.code ?? "ok"}`);
      if (error === null) {
        this.#context.timeline.after(0, () => this.process.run(() => this.#look()));
        this.#checkNews(before);
        if (wasCalm && kind === "sync") this.#isSettled = true;
      } else {
        this.#expect(kind, error);
        if (isCalm()) this.#later(() => this.#visit("sync"));
      }
      over?.(error === null);
    });
    visit.catch(() => undefined);
  }

  /** It has heard of all that there was when it set out. */
  #checkNews({ epoch, count }: ReturnType<Outside["news"]>): void {
    const now = this.#outside.news();
    if (now.epoch !== epoch || this.#isResetting) return;
    this.#check(this.#news >= count, () => `is at ${this.#news}, and the server was at ${count}`);
  }

  /** Nobody asks it to, and it has all that there is in the end. */
  #settleAlone(): void {
    if (this.#client.pending === 0 && this.#news === this.#outside.news().count) {
      this.#context.checks.saw("settled by itself");
      this.#isSettled = true;
      // Else there would be no end to it.
      this.#setAuto(0);
      this.#visit("sync");
    } else this.#later(() => this.#settleAlone());
  }

  #setAuto(everyMs: number): void {
    this.#client.autoSync(everyMs);
    this.#context.checks.saw(everyMs === 0 ? "autoSync ends" : "autoSync begins");
    this.#isEnding ||= this.#isAuto;
    this.#isAuto = everyMs > 0;
  }

  #reset(): void {
    const { home } = this.#cell;
    this.#isResetting = true;
    this.#isEnding ||= this.#isAuto;
    this.#isAuto = false;
    this.#gone.clear();
    home.forgets();
    this.#trace("resets");
    this.#client.reset().then(
      () => {
        this.#context.checks.saw("reset");
        this.#trace("is reset");
        home.forgot();
        this.#gone.clear();
        const { size } = this.#client.allObjects();
        const { pending } = this.#client;
        this.#check(
          size === 0 && pending === 0,
          () => `has ${size} objects left, ${pending} pending`,
        );
        this.#isResetting = false;
        this.#isEnding = false;
      },
      (error: unknown) => this.#check(false, () => `is not reset: ${String(error)}`),
    );
  }

  /** Nothing that stays is in anything that it sends, and it goes nowhere unasked. */
  #watched(connect: Connect): Connect {
    return (hello, events) => {
      const isAsked = this.#visits > 0 || this.#isAuto || this.#isEnding;
      this.#check(isAsked, () => "goes to its server, and nobody has asked it to");
      this.#checkFrame(JSON.stringify(hello));
      const link = connect(hello, events);
      return {
        send: (message) => {
          this.#checkFrame(Buffer.from(message).toString("latin1"));
          link.send(message);
        },
        close: () => link.close(),
      };
    };
  }

  #checkFrame(text: string): void {
    this.#check(!text.includes(STAYING), () => "sends what never leaves it");
  }

  #newValue(): string {
    return `${STAYING} with ${this.key} ${(this.#written += 1)}`;
  }

  #later(task: () => void): void {
    this.process.environment.scheduler.after(this.#random.exponential(500), task);
  }

  #trace(what: string): void {
    const { trace, timeline } = this.#context;
    trace.add(timeline.now, this.key, what);
  }

  #expect(what: string, { code, message }: SyncError): void {
    this.#check(EXPECTED_CODES.has(code), () => `fails to ${what}: ${code}: ${message}`);
  }

  #check(holds: boolean, what: () => string): void {
    this.#context.checks.check(holds, "namespaces", () => `${this.key} ${what()}`);
  }
}

function idsOf(prefix: string, count = IDS): readonly string[] {
  return Array.from({ length: count }, (_, i) => `${prefix}:${i}`);
}
