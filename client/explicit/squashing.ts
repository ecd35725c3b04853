import type { Changes, ObjectId } from "../../lib/object.ts";
import type { Operation } from "../../lib/operation.ts";
import { squash } from "../../lib/squash.ts";
import type { FollowerState } from "../follower-state.ts";
import type { Replacement, Write } from "../outbox.ts";

/** Makes one of what no server has heard of and is about the same object. What is in view stays as it is. */
export function squashUnsent({ options, outbox, replica, kept, news }: FollowerState): void {
  const make = (unsent: readonly Write[]): readonly Replacement[] => {
    const others = [...outbox.held, ...outbox.numbered].flatMap(({ operations }) => operations);
    const written = new Set(others.map(({ id }) => id));
    const mayBeThere = (id: ObjectId): boolean =>
      written.has(id) || replica.confirmed(id) !== undefined;
    return squash(unsent, options.references, mayBeThere).map(({ places, operations }) => {
      const former = places.map((place) => unsent[place] as Write);
      return { former, write: former.length === 1 ? former[0] : merged(former, operations) };
    });
  };
  for (const { former, write } of outbox.replaceUnsent(kept.isFree, make)) {
    const [first, ...rest] = former;
    news.changed(replica.exchange(first, write));
    news.changed(replica.drop(rest));
    if (write !== undefined) continue;
    for (const { reach, settle, operations } of former) {
      news.add(() => {
        reach("accepted");
        settle(
          undefined,
          operations.map(({ id }) => id),
        );
      });
    }
  }
  kept.noteRestart();
  news.tell();
}

/** One write in the place of several, which all settle with it; undefined when nothing is left. */
function merged(former: readonly Write[], operations: readonly Operation[]): Write | undefined {
  if (operations.length === 0) return undefined;
  const [first] = former as [Write];
  const lost = new Map(former.flatMap((write) => [...(write.former ?? [])]));
  return {
    ...first,
    operations,
    base: operations[0]?.kind === "create" ? undefined : first.base && [baseOf(former)],
    former: lost.size > 0 ? lost : undefined,
    isAnew: former.some(({ isAnew }) => isAnew),
    settle: (error, ids) => {
      for (const write of former) write.settle(error, ids);
    },
    reach: (stage) => {
      for (const write of former) write.reach(stage);
    },
  };
}

/**
 * What was there before the first of several writes on an object, of all that any has touched. Undefined
 * where one of them does not know, or no more: what is missing would pass for what nobody has changed.
 */
function baseOf(former: readonly Write[]): Changes | undefined {
  const parts = former.map(({ base }) => base?.[0]).reverse();
  return parts.includes(undefined) ? undefined : (Object.assign({}, ...parts) as Changes);
}
