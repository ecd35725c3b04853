import { SyncError } from "../lib/errors.ts";
import { fingerprint } from "../lib/fingerprint.ts";
import type { ObjectId, SyncObject } from "../lib/object.ts";
import { idsReferredTo, withReferences, type References } from "../lib/references.ts";
import type { World } from "../lib/world.ts";
import type { ConflictDetector } from "./conflicts.ts";
import type { Handlers } from "./handlers.ts";
import { identityKey } from "./identity.ts";
import type { Job, Writer } from "./job.ts";
import type { Judge } from "./judge.ts";
import type { Ledger } from "./ledger.ts";
import type { Permissions } from "./rules.ts";
import type { SchemaVersions } from "./schema-versions.ts";
import type { Session, SessionInfo } from "./session.ts";
import type { Sessions } from "./sessions.ts";
import { outOfDate, type StrictPushes } from "./strict-pushes.ts";

/** Why a write fails that is the application's own fault. */
const TOLD_ALSO_HERE: ReadonlySet<string> = new Set([
  "handler_failed",
  "migration_failed",
  "timeout",
]);

/** What an examiner asks. */
export interface ExaminerOptions {
  readonly world: World;
  readonly ledger: Ledger;
  readonly permissions: Permissions;
  readonly versions: SchemaVersions;
  readonly judge: Judge;
  readonly conflicts: ConflictDetector;
  readonly references: References;
  readonly strictPushes: StrictPushes;
  readonly sessions: Sessions;
  readonly handlers: Handlers;
  readonly onError: (error: SyncError) => void;
}

/**
 * What a write means, and what speaks against it: asked before handlers hear of it, and again at its
 * commit, as things are by then.
 */
export class Examiner {
  readonly #options: ExaminerOptions;

  constructor(options: ExaminerOptions) {
    this.#options = options;
  }

  /** Puts ids in the place of provisional ones that the client still used when it wrote. */
  identify(job: Job): void {
    const { client, operations } = job;
    const { ledger, references } = this.#options;
    if (client === null || job.fingerprint !== undefined) return;
    if (ledger.hasRenames(client.clientId)) {
      job.operations = operations.map((given) => {
        const operation = withReferences(given, references, (id) => this.finalId(id, job));
        const id = this.finalId(operation.id, job);
        return id === operation.id ? operation : { ...operation, id };
      });
    }
    job.fingerprint = job.problem === undefined ? fingerprint(job.operations) : 0;
  }

  /** The id that took the place of a provisional one, if it is one. */
  finalId(id: ObjectId, { client }: Job): ObjectId {
    return client === null ? id : this.#options.ledger.resolve(client.clientId, id, client.n);
  }

  /** What a write is about, and what it makes objects refer to, where that is judged. */
  touchedBy({ operations }: Job): readonly ObjectId[] {
    const { conflicts, references } = this.#options;
    const ids = operations.map(({ id }) => id);
    if (!conflicts.isOn) return ids;
    return [...ids, ...operations.flatMap((one) => idsReferredTo(one, references))];
  }

  /** Throws unless its writer may do this, and, if it asks for that, has seen what it writes over. */
  check(job: Job, areConflictsDue: boolean): void {
    this.#raise(job);
    if (job.writer !== null) this.#options.judge.check(job.writer, job.operations, job.asked);
    if (areConflictsDue) this.#detectConflicts(job);
  }

  /**
   * What must be known of before a write is judged, as far as a fetch handler can tell: objects that it is
   * about and does not create. Handlers would do to them what nobody has allowed.
   */
  toBringIn(job: Job): readonly ObjectId[] {
    if (job.writer === null || !(this.isToRaise(job) || this.#options.judge.isAsked)) return [];
    const created = new Set<ObjectId>();
    return job.operations.flatMap(({ kind, id }) => {
      if (kind === "create") created.add(id);
      return created.has(id) ? [] : [id];
    });
  }

  /** Whether it was written in an older schema, and is still as it was written. */
  isToRaise({ writer, isRaised }: Job): boolean {
    const { current } = this.#options.versions;
    return writer !== null && isRaised !== true && writer.schemaVersion !== current;
  }

  /**
   * Whether the sessions of its writer were ended since it came: it stays undecided then, and whether
   * it comes again is for new credentials to say.
   */
  isEnded({ writer, takenAt }: Job): boolean {
    if (writer === null || takenAt === undefined || this.sessionOf(writer) !== undefined)
      return false;
    return this.#options.sessions.endings.hasSince(takenAt, identityKey(writer.identity));
  }

  /** Whether a client that pushes strictly is here, and lacks nothing; or it is told so, and goes. */
  isUpToDate(job: Job): boolean {
    if (this.isEnded(job)) return false;
    const { client, writer } = job;
    if (client?.isStrict !== true) return true;
    const { sessions, strictPushes } = this.#options;
    const session = this.sessionOf(writer);
    if (session === undefined) return false;
    if (!strictPushes.isRefused(session)) return true;
    sessions.dismiss(client.clientId, outOfDate(), false);
    return false;
  }

  sessionOf(writer: Writer): Session | undefined {
    return writer === null ? undefined : this.#options.sessions.named(writer.id);
  }

  /** What of an error its writer is told; the application's own faults are told here as well. */
  toProblem(error: unknown): SyncError {
    const problem =
      error instanceof SyncError
        ? error
        : new SyncError("unavailable", "the server failed on this write", { cause: error });
    if (TOLD_ALSO_HERE.has(problem.code) || error !== problem) this.#options.onError(problem);
    return problem;
  }

  /** Makes of what a client of an older schema has written what it would be today. */
  #raise(job: Job): void {
    if (!this.isToRaise(job)) return;
    const { versions, judge } = this.#options;
    const { operations } = job;
    const writer = job.writer as SessionInfo;
    try {
      job.operations = versions.raise(operations, writer.schemaVersion, (id) => this.#toRaise(id));
      job.isRaised = true;
    } catch (error) {
      // To who may not see an object there is none, and none that cannot be migrated.
      judge.check(writer, operations);
      throw error;
    }
  }

  /** The object on which a write is raised. Throws `migration_failed` when nobody can tell what it is. */
  #toRaise(id: ObjectId): SyncObject | undefined {
    const { world, handlers } = this.#options;
    const object = world.get(id);
    const isHandled = handlers.update !== undefined && handlers.fetch === undefined;
    const isElsewhere = isHandled && !world.isGone(id);
    if (object !== undefined || !isElsewhere) return object;
    const message = `only a fetch handler could tell what ${id} is, which an older version changes`;
    throw new SyncError("migration_failed", message, { id });
  }

  #detectConflicts({ client, writer, operations }: Job): void {
    if (client === null || writer === null) return;
    const { permissions, versions, conflicts } = this.#options;
    const { clientId, seen } = client;
    const hiddenIn = (object: SyncObject): readonly string[] | undefined =>
      permissions.hidden(writer.identity, object);
    const mayKnow = (id: ObjectId): boolean => !permissions.areGiven || permissions.isPublic(id);
    const isOlder = writer.schemaVersion !== versions.current;
    conflicts.check(operations, { clientId, seen, hiddenIn, mayKnow, isOlder });
  }
}
