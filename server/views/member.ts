import type { Entry } from "../../lib/entry.ts";
import { HandleTable } from "../../lib/handle-table.ts";
import type { SyncObject } from "../../lib/object.ts";

/** What has members, as an object that changes needs to know it. */
export interface MemberView {
  /** The last time that those were gone through who may show an object differently. */
  round: number;
  look(entry: Entry, channels: readonly string[]): void;
  leave(member: Member): void;
}

/** An object in a view, or what is left of one that was: its place in the order of what the view shows. */
export class Member {
  readonly view: MemberView;
  readonly entry: Entry;
  /** The version of the view from which on somebody may have been shown it. */
  readonly known: number;
  /** The version with which it last came in. */
  entered: number;
  /** The version with which it was last to be shown whole: as it came in, or other properties hide. */
  shownAnew: number;
  /** The version with which it last changed for the view. */
  revision: number;
  /** Properties that the view does not show of it. */
  hidden: readonly string[];
  /** What the view shows in its place, to clients of an older schema; null when it is as it is. */
  lowered: SyncObject | null;
  /** Whether it has left the view. */
  isGone = false;
  /** Where `Holders` has it, as long as it is in the view. */
  place = -1;
  older: Member | null = null;
  newer: Member | null = null;

  constructor(
    view: MemberView,
    entry: Entry,
    version: number,
    hidden: readonly string[],
    lowered: SyncObject | null,
  ) {
    this.view = view;
    this.entry = entry;
    this.known = version;
    this.entered = version;
    this.shownAnew = version;
    this.revision = version;
    this.hidden = hidden;
    this.lowered = lowered;
  }
}

/** Which views have an object, by its handle. */
export class Holders {
  readonly #members = new HandleTable<Member[]>();

  add(member: Member): void {
    const { handle } = member.entry;
    const members = this.#members.get(handle);
    member.place = members?.length ?? 0;
    if (members === undefined) this.#members.set(handle, [member]);
    else members.push(member);
  }

  /** Gives all that there are now. `take` may remove the one that it is given, and add others. */
  visit(handle: number, take: (member: Member) => void): void {
    const members = this.#members.get(handle);
    if (members === undefined) return;
    // From the last: one that is removed changes places with one that was given before it.
    for (let i = members.length - 1; i >= 0; i--) take(members[i] as Member);
  }

  remove(member: Member): void {
    const { handle } = member.entry;
    const members = this.#members.get(handle);
    if (members?.[member.place] !== member) return;
    const last = members.pop() as Member;
    if (last !== member) members[member.place] = last;
    last.place = member.place;
    if (members.length === 0) this.#members.delete(handle);
  }
}
