import { SyncError } from "../lib/errors.ts";
import { withChanges, type ObjectId, type SyncObject } from "../lib/object.ts";
import type { Operation } from "../lib/operation.ts";
import type { World } from "../lib/world.ts";
import type { Authorizers } from "./authorization.ts";
import type { Asked, Job } from "./job.ts";
import type { Permissions } from "./rules.ts";
import type { SessionInfo } from "./session.ts";

export interface JudgeOptions {
  readonly permissions: Permissions;
  readonly authorizers: Authorizers;
  readonly onError: (error: SyncError) => void;
}

/**
 * Whether a client may make a change, as things are now. To who may not see an object there is none:
 * it answers as the world does of what never was.
 */
export class Judge {
  readonly #world: World;
  readonly #options: JudgeOptions;

  constructor(world: World, options: JudgeOptions) {
    this.#world = world;
    this.#options = options;
  }

  /** Whether anybody may be refused anything. */
  get isAsked(): boolean {
    const { permissions, authorizers } = this.#options;
    return authorizers.areGiven || permissions.areGiven;
  }

  /**
   * Throws `forbidden`, `forbidden_field`, `not_found`, or what the application's code has thrown. Once
   * handlers were asked, `asked` has what is to be judged: their answers need no permission.
   */
  check(session: SessionInfo, operations: readonly Operation[], asked?: Asked): void {
    const { permissions, authorizers, onError } = this.#options;
    if (!this.isAsked) return;
    // What a mutation has created or changed before, in its later steps.
    const drafts = operations.length > 1 ? new Map<ObjectId, SyncObject | null>() : undefined;
    for (const operation of operations) {
      const { id } = operation;
      const draft = drafts?.get(id);
      const object = draft === undefined ? this.#world.get(id) : (draft ?? undefined);
      const own = asked === undefined ? operation : asked.get(operation);
      if (own !== undefined) {
        const isGone = draft === null || this.#world.isGone(id);
        if (permissions.areGiven) this.#judge(session.identity, own, operation, object, isGone);
        authorizers.judge({ session, operation: own, object }, onError);
      }
      drafts?.set(id, outcomeOf(operation, object));
    }
  }

  /** What a client may hear of why its write is refused: nothing of a property that is hidden from it. */
  tellable(
    problem: SyncError,
    session: SessionInfo,
    { operations, asked }: Pick<Job, "operations" | "asked">,
  ): SyncError {
    const { permissions } = this.#options;
    const { id, property } = problem;
    if (!permissions.areGiven || id === undefined || property === undefined) return problem;
    const own = asked === undefined ? operations : [...asked.values()];
    if (own.some((operation) => writes(operation, property))) return problem;
    const object = this.#world.get(id) ?? createdBy(operations, id);
    const hidden = object && permissions.hidden(session.identity, object);
    if (hidden?.includes(property) !== true) return problem;
    return new SyncError(problem.code, "the object may not become like this", { id });
  }

  /** Whether an object must look to a client as if it had never been, be it destroyed or hidden. */
  hides(session: SessionInfo, id: ObjectId): boolean {
    const { permissions } = this.#options;
    if (!permissions.areGiven) return false;
    const object = this.#world.get(id);
    if (object === undefined) return this.#world.isGone(id) && !permissions.isPublic(id);
    return permissions.hidden(session.identity, object) === undefined;
  }

  /** `becoming` is what handlers have made of the operation. */
  #judge(
    identity: unknown,
    operation: Operation,
    becoming: Operation,
    object: SyncObject | undefined,
    isGone: boolean,
  ): void {
    const { permissions } = this.#options;
    const { id } = operation;
    if (operation.kind === "create") {
      const { properties } = becoming.kind === "create" ? becoming : operation;
      permissions.judgeCreate(identity, { ...properties, id }, Object.keys(operation.properties));
      // Whether it is taken by one that is hidden is nobody's business.
      if (object !== undefined && permissions.hidden(identity, object) === undefined) {
        throw new SyncError("forbidden", "this client may not do that", { id });
      }
      return;
    }
    if (object === undefined) {
      const isAllowed = isGone || permissions.allowsUnseen(operation);
      if (permissions.isPublic(id) && isAllowed) return;
      throw notFound(id);
    }
    const hidden = permissions.hidden(identity, object);
    if (hidden === undefined) throw notFound(id);
    if (operation.kind === "destroy") permissions.judgeDestroy(identity, object);
    else permissions.judgeUpdate(identity, object, operation.changes);
  }
}

/** As of one that never was. */
function notFound(id: ObjectId): SyncError {
  return new SyncError("not_found", `there is no object ${id}`, { id });
}

/** Then its writer knows the name. */
function writes(operation: Operation, property: string): boolean {
  if (operation.kind === "destroy") return false;
  const written = operation.kind === "create" ? operation.properties : operation.changes;
  return Object.hasOwn(written, property);
}

function createdBy(operations: readonly Operation[], id: string): SyncObject | undefined {
  const created = operations.find((one) => one.kind === "create" && one.id === id);
  return created && (outcomeOf(created, undefined) ?? undefined);
}

function outcomeOf(operation: Operation, object: SyncObject | undefined): SyncObject | null {
  if (operation.kind === "destroy") return null;
  if (operation.kind === "create") return { ...operation.properties, id: operation.id };
  return withChanges({ id: operation.id, ...object }, operation.changes);
}
