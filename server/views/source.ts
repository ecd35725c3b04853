import type { EncodedDelta } from "../../lib/delta-codec.ts";
import type { Entry } from "../../lib/entry.ts";
import type { ObjectId } from "../../lib/object.ts";
import type { Position } from "./position.ts";

/** A part of what somebody lacks, or the rest of it. */
export interface Page {
  readonly delta: EncodedDelta;
  /** The version up to which all was shown with it: the next page goes on from there. */
  readonly next: number;
  /** Whether it reaches the present. */
  readonly isWhole: boolean;
  /** The version of the source when the page was made. */
  readonly madeAt: number;
}

/** What everyone is told at the same time. */
export interface News {
  /** Undefined when it is more than may wait for anybody: then it is told by pages. */
  readonly delta: EncodedDelta | undefined;
  /** Whether anything is shown differently; if not, it is for those who have other things to hear. */
  readonly isNews: boolean;
}

/** What sessions are shown: a world, or a view of it. */
export interface Source {
  readonly position: Position;
  /** What was before this version may be forgotten: who is older starts anew. */
  readonly horizon: number;
  /** Whether it is whole: until it is, nobody is told anything of it. */
  readonly isReady: boolean;
  /** What is new since this was last asked, for who is up to date. No event is asked for about `silent`. */
  tell(silent: ReadonlySet<Entry>): News;
  /** Nobody is up to date: what is new is told by pages. */
  passOver(): void;
  /** A page of what is new after `base`, of which all up to the version `from` was shown already. */
  page(base: Position, from: number): Page;
  /** The object of a handle that was shown here: nobody learns an id by naming a handle. */
  idOf(handle: number): ObjectId | undefined;
  /** Whether an object of this id is shown. */
  shows(id: ObjectId): boolean;
  /** Nobody is catching up. */
  forgetPages(): void;
}
