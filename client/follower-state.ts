import type { Cursor } from "../lib/delta.ts";
import type { Environment } from "../lib/environment.ts";
import type { SyncError } from "../lib/errors.ts";
import type { ClientLimits } from "../lib/limits.ts";
import type { Connect } from "../lib/link.ts";
import type { Welcome } from "../lib/messages.ts";
import { namespaceOf, type ObjectId } from "../lib/object.ts";
import type { References } from "../lib/references.ts";
import { Replica } from "../lib/replica.ts";
import type { ConflictResolver } from "./conflict-desk.ts";
import { isConnected } from "./connection.ts";
import type { Connector } from "./connector.ts";
import { Fetches } from "./fetches.ts";
import { KeptState } from "./kept-state.ts";
import { LocalObjects } from "./local-objects.ts";
import type { Namespaces } from "./namespaces.ts";
import { News, type FollowerListener } from "./news.ts";
import { Outbox, type Write } from "./outbox.ts";
import type { Mode, Progress } from "./progress.ts";
import type { Subscriptions } from "./subscriptions.ts";

/** Where a client lives: real, or simulated in the tests. */
export interface Surroundings {
  readonly environment: Environment;
  readonly connect: Connect;
}

export interface FollowerOptions extends Surroundings {
  readonly world: string;
  /** Whether `resume` is still to come: until then nothing is sent. */
  readonly isResuming: boolean;
  /** Gives the present credentials, or a function that gives them or a promise, for each attempt. */
  readonly auth: () => unknown;
  readonly limits: ClientLimits;
  readonly optimistic: boolean;
  readonly onConflict?: ConflictResolver | undefined;
  /** What a client that is not live makes of its writes. */
  readonly explicit: ExplicitWrites | undefined;
  /** Which way objects go. */
  readonly namespaces: Namespaces;
  /** Where objects refer to others by their ids. */
  readonly references: References;
  /** Of which version of the application's schema its writes and its view are. */
  readonly schema: number;
  /** What the application asks to be shown, if not everything. */
  readonly subscriptions: Subscriptions | undefined;
}

export interface ExplicitWrites {
  /** Makes of all that no server has heard of as little as it comes to. */
  readonly squash: (state: FollowerState) => void;
  /** Gives up all that is undecided, and has the next connection tell everything anew. */
  readonly discard: (state: FollowerState) => void;
}

/** All that a follower has and knows: one, for everything that works on it. */
export class FollowerState {
  readonly options: FollowerOptions;
  readonly connector: Connector;
  readonly outbox: Outbox;
  readonly replica: Replica;
  readonly local: LocalObjects;
  readonly fetches: Fetches;
  readonly kept: KeptState;
  readonly news: News;
  /** Names this client to the server. Whoever knows it can write in its name. */
  clientId: string;
  /** Who it belongs to, as the server has told. */
  user: string | undefined;
  /** What the present connection, or the next one, is for. */
  mode: Mode = "live";
  /** Where the server detects conflicts, as it said last; null as long as it has said nothing. */
  detects: Welcome["detects"] | null = null;

  constructor(options: FollowerOptions, connector: Connector, listener: FollowerListener) {
    const { limits, references, environment, isResuming } = options;
    this.options = options;
    this.connector = connector;
    this.clientId = environment.random.id();
    this.outbox = new Outbox(limits, references);
    this.replica = new Replica(() => this.outbox);
    this.local = new LocalObjects(this.outbox, this.replica);
    this.fetches = new Fetches(limits);
    this.kept = new KeptState(isResuming);
    this.news = new News(listener);
  }

  get isConnected(): boolean {
    return isConnected(this.connector.state);
  }

  /** Whether the server detects conflicts over such an object, as far as it has told. */
  isDetected(id: ObjectId): boolean {
    if (this.detects === null) return true; // as far as anybody can tell
    return this.detects === true || this.detects?.includes(namespaceOf(id)) === true;
  }

  /** What is `seen` of a write whose writer had this before them. */
  seenAt({ epoch, seq }: Cursor): number {
    return epoch === this.outbox.epoch ? seq : 0;
  }

  progressed({ reason, pulled = 0, pushed = 0 }: Partial<Progress>): void {
    const { state } = this.connector;
    const { news } = this;
    news.add(() => news.listener.progressed({ state, reason, pulled, pushed }));
  }

  tellIfDrained(): void {
    const { outbox, news } = this;
    if (outbox.size === 0) news.add(() => news.listener.drained());
  }

  /** Has a write fail, as the application hears when all state is consistent. */
  fail(write: Write, error: SyncError): void {
    const { news } = this;
    news.add(() => {
      news.listener.happened("reject", error, { operations: write.operations });
      write.reach("rejected");
      write.settle(error, []);
    });
  }
}
