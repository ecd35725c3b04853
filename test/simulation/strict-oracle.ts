import type { World, Commit } from "../../lib/world.ts";
import type { DecidedMutation } from "../../server/stores/store.ts";
import { canonical } from "../support/canonical.ts";
import type { Checks } from "./checks.ts";
import type { PlainObject } from "./plain-object.ts";

/** One connection of a client that pushes strictly. */
export interface StrictConnection {
  /** What the client had when it dialled, as text by id. */
  readonly held: ReadonlyMap<string, string>;
  /** How the client is shown an object; undefined when it is not. */
  readonly shown: (object: PlainObject) => PlainObject | undefined;
  readonly isOpen: () => boolean;
  /** What its server holds. */
  readonly objects: () => Iterable<PlainObject>;
  /** Whether handlers are asked, while which others may write: what they hear of was let through. */
  readonly isHandled: boolean;
  /** Whether nothing but what is written can have come into its sight since it has what it held. */
  readonly isClear: () => boolean;
}

interface Watched {
  readonly strict: StrictConnection | undefined;
  /** Which server it is connected to. */
  ledger: object | undefined;
  /** The objects that it has written itself. */
  readonly own: Set<string>;
  /** The numbers that were sent on it. */
  readonly sent: Set<number>;
}

/**
 * Judges whether who pushes strictly had all that there was for it, by the plainest reading: at each
 * of its commits it must have had every object as it then was, but for those that it has written itself;
 * where handlers are asked, when they were.
 */
export class StrictOracle {
  readonly #checks: Checks;
  readonly #connections = new Map<string, Watched[]>();
  #before: readonly PlainObject[] | undefined;
  #commit: Commit | undefined;

  constructor(checks: Checks) {
    this.#checks = checks;
  }

  /** A client is let in, strict or not. */
  admitted(clientId: string, strict: StrictConnection | undefined): (n: number) => void {
    const known = this.#connections.get(clientId) ?? [];
    const sent = new Set<number>();
    this.#connections.set(clientId, [
      ...known,
      { strict, ledger: undefined, own: new Set(), sent },
    ]);
    return (n) => sent.add(n);
  }

  /** With which the server looks up how far it has decided what the client has written. */
  lookedUp(ledger: object, clientId: string): void {
    const last = this.#connections.get(clientId)?.at(-1);
    if (last !== undefined) last.ledger ??= ledger;
  }

  committing(world: World): void {
    this.#before = undefined;
    if (![...this.#connections.values()].some((all) => all.at(-1)?.strict?.isOpen() === true))
      return;
    const objects: PlainObject[] = [];
    for (const { id, object } of world.entries())
      if (object !== null) objects.push({ ...object, id });
    this.#before = objects;
  }

  committed(commit: Commit): void {
    this.#commit = commit;
  }

  letThrough(clientId: string, n: number): void {
    const all = this.#connections.get(clientId) ?? [];
    const last = all.at(-1);
    if (last?.strict?.isHandled !== true || !last.strict.isOpen()) return;
    const isSure = last.sent.has(n) && all.every((one) => one === last || !one.sent.has(n));
    if (isSure) this.#judge(clientId, n, last.strict, last.own, [...last.strict.objects()]);
  }

  decided(
    ledger: object,
    { clientId, n, outcome }: Pick<DecidedMutation, "clientId" | "n" | "outcome">,
  ): void {
    const before = this.#before;
    const applied = this.#commit?.applied ?? [];
    this.#before = undefined;
    this.#commit = undefined;
    if (before === undefined || outcome.kind !== "accepted" || applied.length === 0) return;
    const here = (this.#connections.get(clientId) ?? []).filter((one) => one.ledger === ledger);
    const last = here.at(-1);
    if (last?.strict === undefined || !last.strict.isOpen()) return;
    // What was sent on another connection as well may have come from there.
    const isSure = here.every((one) => one === last || !one.sent.has(n)) && last.sent.has(n);
    if (isSure && !last.strict.isHandled) this.#judge(clientId, n, last.strict, last.own, before);
    for (const { entry } of applied) last.own.add(entry.id);
  }

  #judge(
    clientId: string,
    n: number,
    { held, shown, isClear, isHandled }: StrictConnection,
    own: ReadonlySet<string>,
    objects: readonly PlainObject[],
  ): void {
    if (!isClear()) return;
    this.#checks.saw(isHandled ? "strict push to handlers" : "strict push");
    const there = new Set<string>();
    const unpulled: string[] = [];
    for (const object of objects) {
      const { id } = object;
      there.add(id);
      const sight = own.has(id) ? undefined : shown(object);
      if (sight !== undefined && held.get(id) !== canonical(sight)) unpulled.push(id);
    }
    for (const id of held.keys()) if (!there.has(id) && !own.has(id)) unpulled.push(id);
    this.#checks.check(unpulled.length === 0, "visits", () => {
      return `${n} of ${clientId} was pushed strictly, and ${unpulled.join()} was not pulled`;
    });
  }
}
