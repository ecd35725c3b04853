import type { Conflict, SyncObject } from "../../../client/index.ts";
import { icon, make } from "./dom.ts";

/** What a person reads of a task, in this order. */
export const fields = [
  { name: "title", label: "Task" },
  { name: "note", label: "Note" },
  { name: "done", label: "State" },
] as const;

interface Version {
  readonly heading: string;
  readonly object: SyncObject | null;
  readonly choice: HTMLButtonElement;
}

/** What the task is if this version is chosen: what collides stands out, beside what it was before. */
export function versionCard(conflict: Conflict, { heading, object, choice }: Version): HTMLElement {
  const card = make("section", { className: "version", ariaLabel: heading });
  card.append(make("h3", {}, heading));
  if (object === null) {
    card.append(make("p", { className: "deleted" }, icon("bin"), "Deleted"));
  } else {
    const list = make("dl");
    for (const { name, label } of fields) list.append(fieldOf(conflict, object, name, label));
    card.append(list);
  }
  card.append(choice);
  return card;
}

function fieldOf(
  { base, theirs, mine, collisions }: Conflict,
  object: SyncObject,
  name: string,
  label: string,
): HTMLElement {
  const before = base?.[name];
  const isWhole = collisions.some(({ property }) => property === undefined);
  const isOther =
    mine !== null && theirs !== null
      ? mine[name] !== theirs[name]
      : base !== null && before !== object[name];
  const collides = isWhole ? isOther : collisions.some(({ property }) => property === name);
  // What only this side has changed it keeps, whichever version is chosen.
  const value = isWhole || collides ? object[name] : mine?.[name];
  const row = make("div", {}, make("dt", {}, label), make("dd", {}, textOf(value)));
  row.dataset["collides"] = String(collides);
  if (collides && base !== null) {
    row.append(make("dd", { className: "before" }, "before: ", make("s", {}, textOf(before))));
  }
  return row;
}

export function textOf(value: unknown): string {
  if (typeof value === "boolean") return value ? "Done" : "To do";
  return typeof value === "string" && value !== "" ? value : "–";
}
