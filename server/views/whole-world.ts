import { encodeDelta, encodeDeltaWithin } from "../../lib/delta-codec.ts";
import type { Entry } from "../../lib/entry.ts";
import type { ObjectId } from "../../lib/object.ts";
import type { ServerLimits } from "../../lib/limits.ts";
import type { World } from "../../lib/world.ts";
import { SnapshotPages } from "../snapshot-pages.ts";
import type { Position } from "./position.ts";
import type { News, Page, Source } from "./source.ts";

type PageLimits = Pick<ServerLimits, "pageBytes" | "waitingBytesMax">;

/** A world as it is shown to those who may see all of it, and want to. */
export class WholeWorld implements Source {
  readonly isReady = true;
  readonly #world: World;
  readonly #pageBytes: number;
  readonly #newsBytesMax: number;
  readonly #pages = new SnapshotPages(this);
  #toldSeq: number;

  constructor(world: World, { pageBytes, waitingBytesMax }: PageLimits) {
    this.#world = world;
    this.#pageBytes = pageBytes;
    this.#newsBytesMax = waitingBytesMax;
    this.#toldSeq = world.seq;
  }

  get position(): Position {
    const { seq } = this.#world;
    return { version: seq, seq };
  }

  get horizon(): number {
    return this.#world.horizon;
  }

  tell(silent: ReadonlySet<Entry>): News {
    // Who has caught up since the last time is further, and may know what is destroyed by now.
    const options = { silent, seenMax: this.#world.seq };
    const told = this.#toldSeq;
    this.#toldSeq = this.#world.seq;
    const delta = encodeDeltaWithin(this.#newsBytesMax, this.#world.since(told, options));
    return { delta, isNews: this.#toldSeq > told };
  }

  passOver(): void {
    this.#toldSeq = this.#world.seq;
  }

  page(base: Position, from: number): Page {
    return this.#pages.get(base, from);
  }

  makePage(base: Position, from: number): Page {
    const { seq } = this.#world;
    const options = { from, bytesMax: this.#pageBytes };
    const delta = encodeDelta(this.#world.since(base.version, options));
    return { delta, next: delta.to, isWhole: delta.to === seq, madeAt: seq };
  }

  idOf(handle: number): ObjectId | undefined {
    return this.#world.idOf(handle);
  }

  shows(id: ObjectId): boolean {
    return this.#world.get(id) !== undefined;
  }

  forgetPages(): void {
    this.#pages.clear();
  }
}
