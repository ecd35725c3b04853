import { fault, type Fault } from "./fault.ts";

/** How what others have written can get lost, or be told of where nothing is. */
export const CONFLICTS: readonly Fault[] = [
  fault(
    "whoever has seen nothing of a commit is taken to know it",
    "server/own-commits.ts",
    "return (seq) => seq > seen && !has(own, seq);",
    "return () => false;",
    "resolved",
  ),
  {
    ...fault(
      "a client collides with its own writes",
      "server/own-commits.ts",
      "own.push(seq);",
      "",
      "resolved",
    ),
    from: 8,
  },
  fault(
    "commits that were taken back are remembered as a client's own",
    "server/own-commits.ts",
    "while ((own.at(-1) ?? 0) > seq) own.pop();",
    "void own;",
    "resolved",
    "refusals",
  ),
  fault(
    "of two who have come to the same one is let through",
    "server/conflicts.ts",
    "if (object === null) return false;",
    "if (object === null || propertyOf(object, name) === changes[name]) return false;",
    "resolved",
  ),
  fault(
    "who wants to be asked about what is the same is not",
    "client/conflicts/desk.ts",
    "handler?.wantsEqual === true",
    "false",
    "resolved",
  ),
  {
    ...fault(
      "a write upon an undecided one passes for seeing all that came meanwhile",
      "client/writing.ts",
      "if (isAbout(write, places)) seen = Math.min(seen, write.seen);",
      "void places;",
      "resolved",
    ),
    from: 17,
  },
  {
    ...fault(
      "what is decided about a conflict passes for seeing what came while it was decided",
      "client/conflicts/desk.ts",
      "const seen = this.#following.seenAt(seenBy(sight, operations));",
      "const seen = this.#following.seenAt({ ...replica.cursor, epoch: sight.cursor.epoch });",
      "resolved",
    ),
    from: 174,
  },
  {
    ...fault(
      "who decides upon a write that is on its way passes for knowing that it is taken",
      "client/conflicts/sight.ts",
      "return { ...cursor, seq: Math.min(cursor.seq, ...shown.map(({ seen }) => seen)) };",
      "return cursor;",
      "resolved",
    ),
    from: 266,
  },
  {
    ...fault(
      "a write that waits for a decision is not kept",
      "client/keeping/kept-text.ts",
      'collisions: optional(write["collisions"], (list) => listOf(list).map(collisionFrom)),',
      "collisions: undefined,",
      "resolved",
      "device",
    ),
    from: 366,
  },
  fault(
    "what was changed meanwhile is destroyed unasked",
    "server/conflicts.ts",
    "return isChanged(entry, isNews, sight) ? [{ id }] : [];",
    "return [];",
    "conflicts",
  ),
  {
    ...fault(
      "who destroys an object is told that something hidden has changed in it",
      "lib/entry.ts",
      "return revisions.some((seq, i) => isNews(seq) && !hidden.includes(shape.names[i] as string));",
      "return revisions.some(isNews);",
      "conflicts",
      "hiddenProperties",
    ),
    from: 790,
  },
  {
    ...fault(
      "what a later write has done is undone by an older one that was decided after it",
      "client/conflicts/desk.ts",
      "if (collisions === undefined || !wasSent) return [];",
      "return [];",
      "resolved",
    ),
    from: 1247,
  },
  fault(
    "a write that waits for a decision is decided twice",
    "client/conflicts/desk.ts",
    "if (!outbox.takeHeld(write)) return; // forgotten meanwhile, or closed",
    "if (!outbox.held.includes(write)) return;",
    "resolved",
  ),
];
