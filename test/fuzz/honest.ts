import { setTimeout as pause } from "node:timers/promises";
import { ObjectSync, type ObjectSyncOptions, type SyncObject } from "../../client/index.ts";
import { SyncError } from "../../lib/errors.ts";
import type { Value } from "../../lib/object.ts";
import type { SeededRandom } from "../simulation/random.ts";
import { canonical } from "../support/canonical.ts";
import { ADMIN, HONEST, shownTo, tokenOf } from "./victim-world.ts";

const PAUSE_MAX_MS = 60;
const OBJECTS_MAX = 30;
/** What attackers may cause, who write what these write, and fill the world. All else is a fault. */
const EXPECTED = new Set([
  "conflict",
  "exists",
  "gone",
  "not_found",
  "forbidden",
  "limit_exceeded",
]);

/** What one honest client is like. */
export interface HonestOptions {
  readonly user: string;
  readonly world: string;
  /** Given: what it is shown of all that it may see. */
  readonly isAsked?: (object: SyncObject) => boolean;
  /** Whether the server decides what it is shown. */
  readonly isDirected?: boolean;
  /** Values that nobody else may read. */
  readonly secrets: readonly Value[];
  readonly client: ObjectSyncOptions;
}

/** A real client that writes and reads all the time, and counts what becomes of it. */
export class Honest {
  readonly options: HonestOptions;
  readonly sync: ObjectSync;
  readonly #random: SeededRandom;
  /** Calls that have not settled in both ways: by their promise, and by their callback. */
  readonly #open = new Map<number, string>();
  readonly #own: string[] = [];
  /** What somebody has fetched belongs to what they are shown from then on. */
  readonly #fetched = new Set<string>();
  /** What was fetched in vain may be shown all the same, as it may when somebody else has made it. */
  readonly #asked = new Set<string>();
  readonly problems: string[] = [];
  accepted = 0;
  refused = 0;
  #count = 0;
  #writing: Promise<void> | undefined;
  #isStopped = false;

  private constructor(options: HonestOptions, sync: ObjectSync, random: SeededRandom) {
    this.options = options;
    this.sync = sync;
    this.#random = random;
  }

  static async open(port: number, options: HonestOptions, random: SeededRandom): Promise<Honest> {
    const { user, world, client } = options;
    const auth = await tokenOf(user);
    const sync = new ObjectSync(`http://localhost:${port}`, { world, auth, ...client });
    const honest = new Honest(options, sync, random);
    sync.on("error", (error) =>
      honest.problems.push(`${user} hears ${error.code}: ${error.message}`),
    );
    await sync.whenSynced();
    return honest;
  }

  start(): void {
    this.#writing = this.#write();
  }

  /** Resolves when no more calls are made; those under way may still be. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#writing;
  }

  get open(): readonly string[] {
    return [...this.#open.values()];
  }

  /** In what its view is other than what there is; empty when it is the same. */
  disagreements(objects: readonly SyncObject[]): string[] {
    const { user, isAsked = () => true, isDirected = false } = this.options;
    const readable = shownTo(user, objects);
    const seen = this.sync.allObjects();
    const missing = readable
      .filter((object) => isAsked(object) || this.#fetched.has(object.id))
      .filter(({ id }) => !isDirected && !seen.has(id));
    const expected = new Map(
      readable
        .filter((object) => isAsked(object) || this.#asked.has(object.id))
        .map((object) => [object.id, canonical(object)]),
    );
    const others = [...seen].filter(
      ([id, object]) => expected.get(id) !== canonical({ ...object }),
    );
    return [
      ...missing.map(({ id }) => `${user} does not see ${id}`),
      ...others.map(([id]) => `${user} sees ${id} as it is not`),
    ];
  }

  async #write(): Promise<void> {
    while (!this.#isStopped) {
      this.#writeOnce();
      await pause(this.#random.below(PAUSE_MAX_MS));
    }
  }

  #writeOnce(): void {
    const { sync } = this;
    const random = this.#random;
    const { user } = this.options;
    const at = ++this.#count;
    const common = `${random.pick(["common", "card"])}:${HONEST}${random.below(10)}`;
    switch (random.below(9)) {
      case 0:
      case 1: {
        const id = `${this.#namespace}:${HONEST}${user}-${at}`;
        this.#own.push(id);
        const object = { id, owner: user, by: user, at, ...this.#secrets() };
        this.#call("create", (callback) => sync.create(object, callback));
        break;
      }
      case 2:
      case 3:
        if (this.#own.length > 0) {
          const change = { id: random.pick(this.#own), at, ...this.#secrets() };
          this.#call("update", (callback) => sync.update(change, callback));
        }
        break;
      case 4: {
        const object = {
          id: common,
          by: user,
          at,
          ...(user === ADMIN && { seed: this.#secret() }),
        };
        this.#call("contend", (callback) =>
          sync.get(common) === undefined
            ? sync.create(object, callback)
            : sync.update(object, callback),
        );
        break;
      }
      case 5:
        this.#call("save", (callback) => sync.save({ owner: user, by: user, at }, callback));
        break;
      case 6: {
        const ids = [`db:${random.below(120)}`, common];
        for (const id of ids) this.#asked.add(id);
        this.#call("fetch", async (callback) => {
          await sync.fetch(ids, callback);
          for (const id of ids) this.#fetched.add(id);
        });
        break;
      }
      case 7:
        this.#call("transaction", (callback) =>
          sync.transaction((steps) => {
            steps.create({ id: `shot:${HONEST}${user}-${at}`, by: user });
            steps.destroy(`shot:${HONEST}${user}-${at}`);
          }, callback),
        );
        break;
      default: {
        const oldest = this.#own.length > OBJECTS_MAX ? this.#own.shift() : undefined;
        if (oldest === undefined) this.#move(at);
        else this.#call("destroy", (callback) => sync.destroy(oldest, callback));
      }
    }
  }

  /** Walks about, which matters where the server shows what is near. */
  #move(at: number): void {
    const { sync } = this;
    const { user } = this.options;
    const id = `player:${HONEST}${user}`;
    const place = { x: this.#random.below(400), y: this.#random.below(400), at };
    this.#call("move", (callback) =>
      sync.get(id) === undefined
        ? sync.create({ id, owner: user, hand: this.#secret(), ...place }, callback)
        : sync.update({ id, hand: this.#secret(), ...place }, callback),
    );
  }

  get #namespace(): string {
    return this.options.user === ADMIN ? "vault" : "note";
  }

  #secrets(): Record<string, Value> {
    return this.#random.chance(0.5)
      ? { draft: this.#secret(), text: "a text for all" }
      : { draft: 0 };
  }

  #secret(): Value {
    return this.#random.pick(this.options.secrets);
  }

  #call(what: string, make: (callback: (error: unknown) => void) => Promise<unknown>): void {
    const number = this.#count;
    const label = `${this.options.user}'s ${what} ${number}`;
    const pending = new Set(["promise", "callback"]);
    this.#open.set(number, label);
    const settled = (by: string): void => {
      if (!pending.delete(by)) this.problems.push(`${label} has settled twice by its ${by}`);
      if (pending.size === 0) this.#open.delete(number);
    };
    make(() => settled("callback")).then(
      () => {
        this.accepted += 1;
        settled("promise");
      },
      (error: unknown) => {
        this.refused += 1;
        const code = error instanceof SyncError ? error.code : "no code at all";
        if (!EXPECTED.has(code)) this.problems.push(`${label} is refused: ${String(error)}`);
        settled("promise");
      },
    );
  }
}
