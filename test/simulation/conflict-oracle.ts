import type { Collision } from "../../lib/errors.ts";
import type { Operation } from "../../lib/operation.ts";
import type { Outcome } from "../../lib/outcome.ts";
import type { Commit, World } from "../../lib/world.ts";
import { handleIn } from "./audit.ts";
import type { Checks } from "./checks.ts";
import type { ConflictScenario } from "./conflict-scenario.ts";
import { History, type Known } from "./history.ts";
import { userOf } from "./token.ts";
import { teamOf, type Visibility } from "./visibility.ts";

/** A write as it came over the wire; objects that it names by handles have these in place of ids. */
export interface Sent {
  readonly seen: number;
  readonly operations: readonly Operation[];
  /** Whether its writer knows the properties by other names. */
  readonly isOlder: boolean;
}

interface Decision {
  readonly clientId: string;
  readonly n: number;
  readonly outcome: Outcome;
}

/** What collides for certain, and what may be said to: some of what was written is forgotten. */
interface Verdict {
  readonly must: Set<string>;
  readonly may: Set<string>;
}

/**
 * Judges anew what servers have decided about conflicts (G13), by the plainest reading: who has written
 * each property last, and whether its writer could know.
 */
export class ConflictOracle {
  readonly #checks: Checks;
  readonly #scenario: ConflictScenario;
  readonly #hasHandlers: boolean;
  readonly #visibility: Visibility;
  readonly #histories = new WeakMap<World, History>();
  readonly #historyOf = new WeakMap<object, History>();
  /** By client, number and place of its own: what was sent under this number last. */
  readonly #sent = new Map<string, Sent[]>();
  readonly #renamed = new Map<string, Map<string, string>>();
  #last: { readonly history: History; readonly commit: Commit } | undefined;

  constructor(
    checks: Checks,
    scenario: ConflictScenario,
    hasHandlers: boolean,
    visibility: Visibility,
  ) {
    this.#checks = checks;
    this.#scenario = scenario;
    this.#hasHandlers = hasHandlers;
    this.#visibility = visibility;
  }

  sent(clientId: string, sent: Sent & { readonly n: number }): void {
    const key = `${clientId} ${sent.n}`;
    const all = this.#sent.get(key) ?? [];
    this.#sent.set(key, [...all, sent]);
  }

  /** What was sent under this number, in the order of its coming. */
  sentAs(clientId: string, n: number): readonly Sent[] {
    return this.#sent.get(`${clientId} ${n}`) ?? [];
  }

  committed(world: World, commit: Commit): void {
    const known = this.#histories.get(world);
    const history = known ?? new History(world, commit);
    if (known === undefined) this.#histories.set(world, history);
    else history.add(commit);
    this.#last = { history, commit };
  }

  undone(world: World): void {
    if (this.#histories.get(world)?.takeBack() === false) this.#histories.delete(world);
    this.#last = undefined;
  }

  decided(ledger: object, { clientId, n, outcome }: Decision): void {
    const last = this.#last;
    this.#last = undefined;
    const isAccepted = outcome.kind === "accepted";
    if (isAccepted && last !== undefined) this.#historyOf.set(ledger, last.history);
    const history = this.#historyOf.get(ledger);
    const all = this.sentAs(clientId, n);
    if (isAccepted) this.#rename(clientId, outcome.renamed);
    // Of an object that is forgotten by now, its handle tells nothing.
    const isUnknown = ({ operations }: Sent): boolean =>
      operations.some(({ id }) => handleIn(history?.idOf(id) ?? id) !== undefined);
    if (history === undefined || all.some((one) => one.isOlder || isUnknown(one))) {
      if (isAccepted && (last?.commit.applied.length ?? 0) > 0) history?.claim(clientId, Infinity);
      return;
    }
    if (isAccepted && last !== undefined) {
      const { applied } = last.commit;
      if (!history.isFirst(last.commit)) {
        this.#judge(clientId, n, all, (sent) => {
          const { must } = this.#verdict(history, clientId, sent, applied.length > 0);
          return must.size === 0 ? undefined : `was accepted, in spite of ${list(must)}`;
        });
      }
      if (applied.length > 0) history.claim(clientId, Math.max(0, ...all.map(({ seen }) => seen)));
    } else if (outcome.kind === "rejected" && outcome.error.code === "conflict") {
      this.#checks.saw("conflict detected");
      const named = new Set((outcome.error.collisions ?? []).map(keyOf));
      this.#judge(clientId, n, all, (sent) => {
        const { must, may } = this.#verdict(history, clientId, sent, false);
        const missing = [...must].filter((key) => !named.has(key));
        // While handlers were asked, what referred to it may have come to refer to something else.
        const isOver = (key: string): boolean => this.#hasHandlers && key.includes("<-");
        const wrong = [...named].filter((key) => !may.has(key) && !isOver(key));
        // Before handlers were asked it may have collided with what was taken back since.
        const isTold = wrong.length > 0 && !(this.#hasHandlers && history.hasTakenBack);
        if (missing.length === 0 && !isTold) return undefined;
        return `is a conflict over ${list(named)}; it lacks ${list(missing)}, and has no right to ${list(wrong)}`;
      });
    }
  }

  #rename(clientId: string, renamed: Iterable<readonly [string, string]> | undefined): void {
    const known = this.#renamed.get(clientId) ?? new Map<string, string>();
    for (const [from, to] of renamed ?? []) known.set(from, to);
    this.#renamed.set(clientId, known);
  }

  /** A number may stand for other writes on other connections: then one of them was decided. */
  #judge(
    clientId: string,
    n: number,
    all: readonly Sent[],
    problemOf: (sent: Sent) => string | undefined,
  ): void {
    if (all.length === 0) return;
    const problems = all.map(problemOf);
    this.#checks.check(problems.includes(undefined), "G13", () => {
      const { seen } = all.at(-1) as Sent;
      return `${n} of ${clientId}, who has seen ${seen}, ${String(problems.at(-1))}`;
    });
  }

  /** `isBefore`: by what there was before the last commit. */
  #verdict(history: History, clientId: string, sent: Sent, isBefore: boolean): Verdict {
    const verdict: Verdict = { must: new Set(), may: new Set() };
    const renamed = this.#renamed.get(clientId);
    const known = (id: string): Known | undefined => history.known(id, isBefore);
    const isNews = (seq: number): boolean => seq > sent.seen && history.writer(seq) !== clientId;
    // Which commits are a client's own, is forgotten when it says that it has heard of them.
    const mayBeNews = (seq: number): boolean =>
      isNews(seq) || (seq > sent.seen && history.isDisclaimed(clientId, seq));
    const note = (key: string, seqs: readonly number[]): void => {
      // A handler may have brought it in for this very write.
      const isSure = !(this.#hasHandlers && key.startsWith("ext:"));
      if (isSure && seqs.some(isNews)) verdict.must.add(key);
      if (seqs.some(mayBeNews)) verdict.may.add(key);
    };
    // That it has been is forgotten in the end, by when handlers have answered.
    const noteEnd = (id: string, { ended }: Known): void => {
      if (history.remembersEnd(id, ended)) note(id, [ended]);
      else if (this.#hasHandlers && mayBeNews(ended)) verdict.may.add(id);
    };
    const made = new Set<string>();
    for (const operation of sent.operations) {
      const named = history.idOf(operation.id);
      // A create that is tried again by who was forgotten makes another object, whatever came of the first.
      const isOwn = operation.kind === "create" || made.has(named);
      const id = isOwn ? named : (renamed?.get(named) ?? named);
      if (!this.#isDetected(id)) continue;
      const object = known(id);
      const isFirst = !made.has(id);
      if (operation.kind === "create") {
        if (isFirst && object?.isThere === true) note(id, [object.created]);
      } else if (object === undefined || !isFirst) {
        // Nothing is remembered of it, or it is this write's own.
      } else if (!object.isThere) {
        if (operation.kind === "update") noteEnd(id, object);
      } else if (operation.kind === "destroy") {
        const { sure, unsure, isAll } = this.#readable(clientId, object);
        note(id, [object.created, ...sure]);
        if (unsure.some(mayBeNews) || (isAll && object.forgotten > sent.seen)) verdict.may.add(id);
      } else {
        for (const property of Object.keys(operation.changes)) {
          const key = `${id}.${property}`;
          note(key, [object.created, object.revisions.get(property) ?? 0]);
          if (object.object[property] === undefined && object.forgotten > sent.seen)
            verdict.may.add(key);
        }
      }
      for (const [, other] of this.#referredTo(operation, id)) {
        const to = made.has(other) ? other : (renamed?.get(other) ?? other);
        const target = known(to);
        if (made.has(to) || target === undefined) continue;
        // To who may not see it there is nothing to collide with.
        if (this.#visibility.hasRules) {
          verdict.may.add(to);
          continue;
        }
        if (target.isThere) note(to, [target.created]);
        else noteEnd(to, target);
      }
      if (operation.kind === "destroy" && isFirst) {
        for (const other of history.all(isBefore)) {
          if (!other.isThere || other.id === id) continue;
          for (const [property, to] of this.#referencesOf(other.id, other.object)) {
            if (to === id && mayBeNews(other.revisions.get(property) ?? 0))
              verdict.may.add(`${id}<-${other.id}`);
          }
        }
      }
      if (operation.kind !== "update") made.add(id);
    }
    return verdict;
  }

  /** When what a client may read of an object was written, and what it may, or what is forgotten by now. */
  #readable(
    clientId: string,
    { object, revisions, forgotten }: Known,
  ): { readonly sure: readonly number[]; readonly unsure: readonly number[]; isAll: boolean } {
    const { hidden, gated } = this.#visibility.secretsFrom(teamOf(userOf(clientId)), object);
    const isSecret = hidden.length + gated.length > 0;
    const isSure = ([name, seq]: readonly [string, number]): boolean =>
      !gated.includes(name) && !(isSecret && seq <= forgotten && !Object.hasOwn(object, name));
    const shown = [...revisions].filter(([name]) => !hidden.includes(name));
    const seqs = (list: typeof shown): number[] => list.map(([, seq]) => seq);
    const unsure = seqs(shown.filter((one) => !isSure(one)));
    return { sure: seqs(shown.filter(isSure)), unsure, isAll: hidden.length === 0 };
  }

  #referredTo(operation: Operation, id: string): (readonly [string, string])[] {
    if (operation.kind === "destroy") return [];
    return this.#referencesOf(
      id,
      operation.kind === "create" ? operation.properties : operation.changes,
    );
  }

  #referencesOf(
    id: string,
    properties: Readonly<Record<string, unknown>>,
  ): (readonly [string, string])[] {
    const names = this.#scenario.references[id.split(":", 1)[0] ?? ""] ?? [];
    return names.flatMap((name) =>
      [properties[name]]
        .flat()
        .flatMap((to): (readonly [string, string])[] =>
          typeof to === "string" ? [[name, to]] : [],
        ),
    );
  }

  #isDetected(id: string): boolean {
    const { modes } = this.#scenario;
    if (typeof modes === "string") return modes === "detect";
    return id.includes(":") && modes[id.split(":", 1)[0] ?? ""] === "detect";
  }
}

function keyOf({ id, property, referredBy }: Collision): string {
  if (referredBy !== undefined) return `${id}<-${referredBy}`;
  return property === undefined ? id : `${id}.${property}`;
}

function list(keys: Iterable<string>): string {
  return [...keys].join() || "nothing";
}
