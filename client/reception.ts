import type { Change } from "../lib/delta.ts";
import { SyncError } from "../lib/errors.ts";
import type { Fetched, Welcome } from "../lib/messages.ts";
import type { ObjectId } from "../lib/object.ts";
import type { ConflictDesk } from "./conflict-desk.ts";
import { isConnected, statusOf, type State } from "./connection.ts";
import type { FollowerState } from "./follower-state.ts";
import { comes } from "./namespaces.ts";
import type { Decisions, Settling } from "./settling.ts";
import type { Sender } from "./sender.ts";
import type { ServerStep } from "./server-link.ts";

/** Takes in what the connection says, each as a whole: then all state is consistent, and it is told. */
export class Reception {
  readonly #state: FollowerState;
  readonly #desk: ConflictDesk | undefined;
  readonly #settling: Settling;
  readonly #sender: Sender;
  /** How many changes of the step that is coming were told of. */
  #heard = 0;

  constructor(
    state: FollowerState,
    desk: ConflictDesk | undefined,
    settling: Settling,
    sender: Sender,
  ) {
    this.#state = state;
    this.#desk = desk;
    this.#settling = settling;
    this.#sender = sender;
  }

  moved(from: State, to: State, reason: SyncError | undefined): void {
    const { news } = this.#state;
    const status = statusOf(to);
    if (status !== statusOf(from) || reason !== undefined) news.happened("status", status, reason);
    if (!isConnected(from) && isConnected(to)) news.happened("connect");
    if (isConnected(from) && !isConnected(to)) news.happened("disconnect", reason);
    if (to === "synced") news.happened("synced");
    this.#state.progressed({ reason });
    news.tell();
  }

  refused(error: SyncError): void {
    const isStrange = error.code === "forbidden" && error.property === "clientId";
    const { news } = this.#state;
    news.tell(() => (isStrange ? news.listener.strange() : news.listener.refused(error)));
  }

  welcome(welcome: Welcome): void {
    const state = this.#state;
    const { connector, outbox, kept, fetches, news } = state;
    if (state.user !== undefined && state.user !== welcome.user) {
      connector.input("disconnect");
      news.tell(() => news.listener.strange());
      return;
    }
    state.user = welcome.user;
    state.detects = welcome.detects;
    for (const write of outbox.restart(welcome)) this.#settling.askAbout(write);
    kept.noteRestart(outbox);
    fetches.restart();
    this.#desk?.askAgain();
    this.#heard = 0;
    connector.input("welcome");
    this.#sender.soon();
  }

  part(pulled: number): void {
    this.#heard += pulled;
    this.#state.progressed({ pulled });
    this.#state.news.tell();
  }

  step({ to, changes: told, outcomes, isReplacing }: ServerStep, welcome: Welcome): void {
    const { connector, options, outbox, replica, news } = this.#state;
    const isWanted = (change: Change): boolean =>
      change.kind !== "create" || comes(change.id, options.namespaces);
    const changes = told.every(isWanted) ? told : told.filter(isWanted);
    this.#noteObjects(changes, isReplacing);
    if (welcome.isPart !== true || !isReplacing) this.#desk?.noteLosses(changes, isReplacing);
    const decisions = this.#settling.take(outcomes);
    const { decided, renamed, moved, left } = decisions;
    const pulled = changes.length - this.#heard - this.#countOwn(changes, decisions);
    this.#heard = 0;
    const events = replica.integrate({
      epoch: welcome.epoch,
      to,
      isReplacing,
      isPart: welcome.isPart,
      changes,
      firstNewHandle: welcome.nextHandle,
      decided: decided.map(({ write }) => write),
      renamed,
      moved,
      left,
    });
    news.changed(events);
    this.#settling.settle(decisions, welcome);
    const pushed = decided.filter(({ outcome }) => outcome.kind === "accepted").length;
    this.#state.progressed({ pulled, pushed });
    this.#state.tellIfDrained(); // also with nothing decided: who finishes something may have nothing to send
    connector.input("whole");
    if (outbox.held.length > 0) this.#desk?.ask();
    this.#settleFetches();
    this.#sender.soon(); // there may be room for more on the way
    news.tell();
  }

  fetched(fetched: Fetched): void {
    this.#state.fetches.answer(fetched);
    this.#settleFetches();
    this.#sender.soon();
    this.#state.news.tell();
  }

  /** How many of these are what this client's own writes have done. */
  #countOwn(changes: readonly Change[], { decided }: Decisions): number {
    if (decided.length === 0) return 0;
    const own = new Set(decided.flatMap(({ write }) => write.operations.map(({ id }) => id)));
    return changes.filter((change) => own.has(this.#idOf(change) as ObjectId)).length;
  }

  #noteObjects(changes: readonly Change[], isReplacing: boolean): void {
    this.#state.kept.noteObjects(() => {
      if (isReplacing) return "all";
      return changes.map((change) => this.#idOf(change)).filter((id) => id !== undefined);
    });
  }

  #idOf(change: Change): ObjectId | undefined {
    return change.kind === "create" ? change.id : this.#state.replica.idOf(change.handle);
  }

  /** An answer holds when the replica is as far as the server was when it gave it. */
  #settleFetches(): void {
    const { connector, replica, fetches, news } = this.#state;
    const seq = connector.state === "synced" ? replica.cursor.seq : -1;
    const answered = fetches.takeAnswered(seq);
    for (const { settle, answer } of answered) {
      const error = answer?.error;
      news.add(() => settle(error && SyncError.from(error)));
    }
    if (answered.length > 0) this.#state.progressed({}); // a visit may have waited for it
  }
}
