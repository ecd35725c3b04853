import type { ObjectRecord, StoreBatch } from "../../server/stores/store.ts";
import type { Changes, SyncObject } from "../../lib/object.ts";
import { BANK_GROUPS, BANK_TOTAL, bankTotal } from "./bank.ts";
import type { Checks } from "./checks.ts";
import { Epoch } from "./epoch.ts";
import { parseToken, TOKEN_PROPERTIES } from "./token.ts";

interface Announcement {
  readonly id: string;
  readonly writer: string;
  /** Whether the writer's writes take effect in the order in which they were written. */
  readonly isOrdered: boolean;
  readonly object: SyncObject;
  /** Undefined when the object was created. */
  readonly changed?: Changes;
  readonly previous?: Changes;
}

/** What is known of one epoch's announced writes. */
interface Announced {
  /** By token and id: how often the write took effect there. */
  readonly effects: Set<string>;
  readonly tokens: Set<string>;
  /** Tokens of writes on ephemeral objects that have ended with their server. */
  readonly ended: Set<string>;
  readonly lastOrder: Map<string, number>;
  readonly rejected: Set<string>;
}

/** Watches all servers, one after another: what their stores keep, and what they announce. */
export class ServerOracle {
  readonly #checks: Checks;
  readonly #epochs = new Map<string, Epoch>();
  readonly #announced = new Map<string, Announced>();
  readonly #ephemeral: readonly string[];
  /** Who has created each object that was ephemeral. */
  readonly #creators = new Map<string, string>();
  #current: Epoch;
  #pending: Announcement[] = [];

  /** `ephemeral` are namespaces. */
  constructor(checks: Checks, ephemeral: readonly string[]) {
    this.#checks = checks;
    this.#ephemeral = ephemeral;
    this.#current = this.#newEpoch("");
  }

  get hasEphemeral(): boolean {
    return this.#ephemeral.length > 0;
  }

  isEphemeral(id: string): boolean {
    return this.#ephemeral.some((namespace) => id.startsWith(`${namespace}:`));
  }

  get current(): Epoch {
    return this.#current;
  }

  epoch(name: string): Epoch | undefined {
    return this.#epochs.get(name);
  }

  /** A server has opened the world. */
  opened(epoch: string): void {
    this.#current = this.#epochs.get(epoch) ?? this.#newEpoch(epoch);
    this.#epochs.set(epoch, this.#current);
    if (this.hasEphemeral) this.#endEphemeral(this.#announcedIn(epoch));
  }

  #newEpoch(name: string): Epoch {
    return new Epoch(name, this.#checks, (id) => this.isEphemeral(id));
  }

  /** What a server did to ephemeral objects is undone by its end: it may happen again. */
  #endEphemeral({ effects, tokens, ended, lastOrder }: Announced): void {
    this.settle();
    for (const token of tokens) ended.add(token);
    tokens.clear();
    lastOrder.clear();
    for (const effect of effects) {
      const [token = "", id = ""] = effect.split(" ");
      if (this.isEphemeral(id)) effects.delete(effect);
      else tokens.add(token);
    }
  }

  kept(epoch: string, batch: StoreBatch, objects: readonly ObjectRecord[]): void {
    this.#epochs.get(epoch)?.keep(batch, objects);
  }

  announced(announcement: Announcement): void {
    const { id, writer, changed } = announcement;
    if (changed === undefined && this.isEphemeral(id)) this.#creators.set(id, writer);
    this.#pending.push(announcement);
  }

  /** Nothing is left of those that are not `present`. */
  checkSessionObjects(objects: Iterable<string>, present: ReadonlySet<string>): void {
    for (const id of objects) {
      const creator = this.#creators.get(id) ?? "";
      this.#checks.check(!this.isEphemeral(id) || present.has(creator), "ephemeral", () => {
        return `${id} is there, and ${creator}, who created it, is not`;
      });
    }
  }

  /** The bank adds up in whatever the server's own code can see. */
  checkBank(get: (id: string) => unknown): void {
    for (let group = 0; group < BANK_GROUPS; group++) {
      const total = bankTotal(get, group);
      const isWhole = total === undefined || total === BANK_TOTAL;
      this.#checks.check(isWhole, "G12", () => `on the server, bank ${group} adds up to ${total}`);
    }
  }

  /** Whether a write was announced in this epoch, or may have been. */
  hasTakenEffect(epoch: string, token: string): boolean {
    this.settle();
    const isInDoubt = this.#epochs.get(epoch)?.hasDoubt === true;
    const { tokens, ended } = this.#announcedIn(epoch);
    return isInDoubt || tokens.has(token) || ended.has(token);
  }

  rejected(epoch: string, token: string): void {
    this.settle();
    const announced = this.#announcedIn(epoch);
    const isClean = !announced.tokens.has(token);
    this.#checks.check(isClean, "G7", () => `${token} was rejected, and took effect`);
    announced.rejected.add(token);
  }

  /** Judges what was announced at once: an object is told as it is after all of it. */
  settle(): void {
    const all = this.#pending;
    this.#pending = [];
    for (const [i, announcement] of all.entries()) {
      const later = all.slice(i + 1).filter(({ object }) => object === announcement.object);
      for (const property of TOKEN_PROPERTIES) {
        const { changed } = announcement;
        const token =
          changed === undefined ? createdWith(property, announcement, later) : changed[property];
        if (typeof token === "string") this.#tookEffect(token, announcement);
      }
    }
  }

  #tookEffect(text: string, { id, writer, isOrdered }: Announcement): void {
    const token = parseToken(text);
    if (token === undefined) return;
    const checks = this.#checks;
    const { effects, tokens, lastOrder, rejected } = this.#announcedIn(this.#current.name);
    const effect = `${text} ${id}`;
    checks.check(!effects.has(effect), "G3", () => `${text} took effect twice on ${id}`);
    const batch = this.#current.batchOfToken(text);
    checks.check(batch === undefined || batch === this.#current.batch, "G3", () => {
      return `${text} took effect on ${id} again: batch ${String(batch)} had it already`;
    });
    checks.check(!rejected.has(text), "G7", () => `${text} took effect after it was rejected`);
    checks.check(token.writer === writer, "G3", () => `${text} came from ${writer}`);
    const last = lastOrder.get(token.writer) ?? 0;
    checks.check(!isOrdered || token.order >= last, "G4", () => {
      return `${text} took effect after ${last} of the same writer`;
    });
    effects.add(effect);
    tokens.add(text);
    lastOrder.set(token.writer, token.order);
  }

  #announcedIn(epoch: string): Announced {
    let announced = this.#announced.get(epoch);
    if (announced === undefined) {
      announced = {
        effects: new Set(),
        tokens: new Set(),
        ended: new Set(),
        lastOrder: new Map(),
        rejected: new Set(),
      };
      this.#announced.set(epoch, announced);
    }
    return announced;
  }
}

/** The object is told as it is now: what it was created with, the first update tells. */
function createdWith(property: string, { object }: Announcement, later: Announcement[]): unknown {
  const update = later.find(
    ({ changed }) => changed !== undefined && Object.hasOwn(changed, property),
  );
  return update === undefined ? object[property] : update.previous?.[property];
}
