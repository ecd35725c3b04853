import type { ObjectRecord, StoreBatch, StoredWorld } from "../../server/stores/store.ts";
import { ledgerOf } from "../../lib/delta.ts";
import { judgeEffects, type Effect } from "./authority.ts";
import { isTally } from "./tally.ts";
import { BANK_GROUPS, BANK_TOTAL, bankTotal } from "./bank.ts";
import type { Checks } from "./checks.ts";
import { Epoch } from "./epoch.ts";
import { parseToken, TOKEN_PROPERTIES, userOf } from "./token.ts";
import type { Visibility } from "./visibility.ts";

interface Announcement extends Effect {
  /** The server that tells of it. */
  readonly server: string;
  readonly id: string;
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

/** A write that adds something to a tally, by what its writer sees of it. */
interface Tallied {
  /** How much, by the tokens of the writes that were made one. */
  readonly parts: ReadonlyMap<string, number>;
  /** The tokens of the undecided writes that show in what its writer sees. */
  readonly upon: readonly string[];
  /** What it was until it was made one with others: a device may have only that. */
  readonly before?: Tallied | undefined;
}

/** What was true of the present epoch at one moment. */
export interface Truth {
  readonly epoch: Epoch;
  readonly announced: Announced;
}

/** Watches all servers, one after another: what their stores keep, and what they announce. */
export class ServerOracle {
  readonly #checks: Checks;
  readonly #epochs = new Map<string, Epoch>();
  readonly #announced = new Map<string, Announced>();
  /** Writes that were uncertain, and are made again: they may take effect twice, or late. */
  readonly retried = new Set<string>();
  /** Writes that have waited for their application to decide about a conflict: they are late. */
  readonly late = new Set<string>();
  /** Tokens of writes that were refused for something else than a conflict. */
  readonly refused = new Set<string>();
  /** What their application has not written again then. */
  readonly givenUp = new Set<string>();
  /** By token of a write in whose place another is sent: the tokens of that, in all lives of its client. */
  readonly squashed = new Map<string, ReadonlySet<string>>();
  /** By token and object: what a later write of the same client has done there, which was accepted. */
  readonly outdone = new Set<string>();
  /** Tokens of writes that came to nothing together with others. */
  readonly vanished = new Set<string>();
  /** By epoch, up to where any server has told anyone of it. */
  readonly #told = new Map<string, number>();
  /** By token, what a write adds to a tally. */
  readonly tallied = new Map<string, Tallied>();
  readonly #ephemeral: readonly string[];
  readonly #areKept: boolean;
  readonly #visibility: Visibility | undefined;
  /** Who has created each object that was ephemeral. */
  readonly #creators = new Map<string, string>();
  #current: Epoch;
  #pending: Announcement[] = [];
  /** Writes whose writers were told that they are accepted, by ledger and token. */
  readonly #accepted = new Set<string>();
  /** The server that has opened the world last. */
  #server = "";
  /** What clients have held that are shown a part of the world only, by user. */
  readonly #shown = new Set<string>();

  /**
   * `ephemeral` are namespaces; `areKept` says that writes outlive their writers; by `visibility` it is
   * judged what clients do, unless not all of it is announced.
   */
  constructor(
    checks: Checks,
    ephemeral: readonly string[],
    areKept: boolean,
    visibility: Visibility | undefined,
  ) {
    this.#checks = checks;
    this.#visibility = visibility;
    this.#areKept = areKept;
    this.#ephemeral = ephemeral;
    this.#current = this.#newEpoch("");
  }

  get hasEphemeral(): boolean {
    return this.#ephemeral.length > 0;
  }

  isEphemeral(id: string): boolean {
    return this.#ephemeral.some((namespace) => id.startsWith(`${namespace}:`));
  }

  /** A server has told somebody of what the world was at this `seq`. */
  told(epoch: string, seq: number): void {
    this.#told.set(epoch, Math.max(seq, this.toldIn(epoch)));
  }

  toldIn(epoch: string): number {
    return this.#told.get(epoch) ?? 0;
  }

  /** Whether it is known what has become of a write, or of one in whose place it was not sent. */
  isAccountedFor(token: string, isKnown: (token: string) => boolean): boolean {
    if (this.vanished.has(token) || isKnown(token)) return true;
    const others = [...(this.squashed.get(token) ?? [])];
    return others.some((other) => other !== token && this.isAccountedFor(other, isKnown));
  }

  /** A client of this user has held this, as a whole. */
  shown(user: string, state: string): void {
    this.#shown.add(`${user} ${state}`);
  }

  hasShown(user: string, state: string): boolean {
    return this.#shown.has(`${user} ${state}`);
  }

  get current(): Epoch {
    return this.#current;
  }

  epoch(name: string): Epoch | undefined {
    return this.#epochs.get(name);
  }

  /** A server has opened the world, as it found it. */
  opened(server: string, stored: StoredWorld): void {
    const { epoch } = stored;
    this.settle();
    this.#server = server;
    this.#current = this.#epochs.get(epoch) ?? this.#newEpoch(epoch);
    this.#epochs.set(epoch, this.#current);
    if (this.hasEphemeral) this.#endEphemeral(this.#announcedIn(epoch));
    this.#current.open(stored);
  }

  /** A copy of what is true now, for a backup. */
  truth(): Truth {
    this.settle();
    const { name } = this.#current;
    return { epoch: this.#current.fork(name), announced: copyOf(this.#announcedIn(name)) };
  }

  /**
   * A backup was put back, as a new epoch of the same ledger. What was accepted since is gone where
   * its writer knew that; all that writers did not know yet is decided anew, or told as it was.
   */
  restored(epoch: string, { epoch: backup, announced }: Truth): void {
    const { rejected } = this.#announcedIn(this.#current.name);
    this.#epochs.set(epoch, backup.fork(epoch));
    this.#announced.set(epoch, copyOf(this.#areKept ? announced : { ...announced, rejected }));
    // What a writer knew and its device did not, the next one has decided anew.
    if (this.#areKept) this.#accepted.clear();
  }

  /** The next server has found a batch there that nobody was told of. */
  doubted(epoch: string): void {
    this.#checks.saw("crash between commit and reply");
    const doubted = this.#epochs.get(epoch);
    if (doubted !== undefined) doubted.hasDoubt = true;
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
    const { id, writer, changed, isDestroyed } = announcement;
    const isCreated = changed === undefined && isDestroyed !== true;
    if (isCreated && this.isEphemeral(id)) this.#creators.set(id, writer);
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

  /** A writer was told that its write is accepted: from now on it must not take effect there. */
  accepted(epoch: string, token: string): void {
    this.settle();
    this.#accepted.add(`${ledgerOf(epoch)} ${token}`);
  }

  /** Whether a write was announced in this epoch, or may have been. */
  hasTakenEffect(epoch: string, token: string): boolean {
    this.settle();
    const isInDoubt = this.#epochs.get(epoch)?.hasDoubt === true;
    const { tokens, ended } = this.#announcedIn(epoch);
    return isInDoubt || tokens.has(token) || ended.has(token);
  }

  /** Whether a write was announced in any epoch, or may have been. */
  hasEverTakenEffect(token: string): boolean {
    return [...this.#epochs.keys()].some((epoch) => this.hasTakenEffect(epoch, token));
  }

  /** `isForGood`: whether it must not take effect after this either. */
  rejected(epoch: string, token: string, isForGood: boolean): void {
    this.settle();
    if (this.retried.has(token)) return;
    const announced = this.#announcedIn(epoch);
    const isClean = !announced.tokens.has(token);
    this.#checks.check(isClean, "G7", () => `${token} was rejected, and took effect`);
    if (isForGood) announced.rejected.add(token);
  }

  /** Judges what was announced at once: an object is told as it is after all of it. */
  settle(): void {
    if (this.#pending.length === 0) return;
    const effects = this.#pending;
    this.#pending = [];
    if (this.#visibility !== undefined) judgeEffects(effects, this.#visibility, this.#checks);
    for (const effect of effects) this.#checkTally(effect);
    const all = effects.filter(({ isDestroyed }) => isDestroyed !== true);
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

  /** Whatever others have added meanwhile stays, and everyone's share is added once. */
  #checkTally({ id, changed, previous, isOfClient }: Announcement): void {
    if (!isTally(id) || changed === undefined || !isOfClient) return;
    const token = TOKEN_PROPERTIES.map((property) => changed[property]).find(
      (value): value is string => typeof value === "string",
    );
    const tallied = this.tallied.get(token ?? "");
    if (token === undefined || tallied === undefined || this.retried.has(token)) return;
    const forms = this.#areKept ? formsOf(tallied) : [tallied];
    // What it was added to never came to be.
    const isVain = (other: string): boolean => this.refused.has(other) || this.retried.has(other);
    if (forms.some(({ upon }) => upon.some(isVain))) return;
    const added = Number(changed["n"] ?? 0) - Number(previous?.["n"] ?? 0);
    this.#checks.saw("tally");
    const isRight = forms.some((form) => added === dueOf(form));
    this.#checks.check(isRight, "G13", () => {
      return `${token} adds ${added} to ${id}, instead of ${dueOf(tallied)}`;
    });
  }

  #tookEffect(text: string, { server, id, writer, isOfClient }: Announcement): void {
    const token = parseToken(text);
    if (token === undefined) return;
    const checks = this.#checks;
    const announced = this.#announcedIn(this.#current.name);
    const { effects, tokens, lastOrder, rejected } = announced;
    // Where the world was taken over, that is over already.
    if (this.isEphemeral(id) && server !== this.#server) {
      announced.ended.add(text);
      return;
    }
    const effect = `${text} ${id}`;
    if (this.retried.has(text)) {
      effects.add(effect);
      tokens.add(text);
      return;
    }
    checks.check(!effects.has(effect), "G3", () => `${text} took effect twice on ${id}`);
    checks.check(!this.outdone.has(effect), "G4", () => {
      return `${text} took effect on ${id}, and undid what its writer had done after it`;
    });
    effects.add(effect);
    tokens.add(text);
    // A server that was deposed after its batch was kept may tell of it when others have gone on.
    if (server !== this.#server) return;
    const ledger = ledgerOf(this.#current.name);
    // What has ended may happen again where its device did not know yet that it had.
    const isKnown = this.#accepted.has(`${ledger} ${text}`) && !announced.ended.has(text);
    checks.check(!isKnown, "G3", () => {
      return `${text} took effect on ${id} after it was acknowledged`;
    });
    const batch = this.#current.batchOfToken(text);
    checks.check(batch === undefined || batch === this.#current.batch, "G3", () => {
      return `${text} took effect on ${id} again: batch ${String(batch)} had it already`;
    });
    checks.check(!rejected.has(text), "G7", () => `${text} took effect after it was rejected`);
    checks.check(userOf(token.writer) === writer, "G3", () => `${text} came from ${writer}`);
    const last = lastOrder.get(token.writer) ?? 0;
    // Only a client's writes take effect in the order in which they were written.
    if (this.late.has(text)) return;
    checks.check(!isOfClient || token.order >= last, "G4", () => {
      return `${text} took effect after ${last} of the same writer`;
    });
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

function dueOf({ parts }: Tallied): number {
  return [...parts.values()].reduce((sum, part) => sum + part, 0);
}

/** A write, and what it was before others were made one with it. */
function formsOf(tallied: Tallied): readonly Tallied[] {
  return [tallied, ...(tallied.before === undefined ? [] : formsOf(tallied.before))];
}

function copyOf({ effects, tokens, ended, lastOrder, rejected }: Announced): Announced {
  return {
    effects: new Set(effects),
    tokens: new Set(tokens),
    ended: new Set(ended),
    lastOrder: new Map(lastOrder),
    rejected: new Set(rejected),
  };
}

/** The object is told as it is now: what it was created with, the first update tells. */
function createdWith(property: string, { object }: Announcement, later: Announcement[]): unknown {
  const update = later.find(
    ({ changed }) => changed !== undefined && Object.hasOwn(changed, property),
  );
  return update === undefined ? object[property] : update.previous?.[property];
}
