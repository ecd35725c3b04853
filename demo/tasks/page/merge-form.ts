import type { Conflict, ConflictHandler, Value } from "../../../client/index.ts";
import { mergeProperties } from "../../../client/conflicts/index.ts";
import { noteLengthMax, titleLengthMax } from "../model.ts";
import { make } from "./dom.ts";
import { fields } from "./version-card.ts";

interface MergeField {
  readonly name: string;
  readonly input: HTMLInputElement | HTMLTextAreaElement;
  readonly value: () => Value;
}

/** A third version, from one's own: only of what collides, as the rest is both sides' already. */
export function mergeForm(
  { collisions, mine }: Conflict,
  settle: (handler: ConflictHandler) => void,
): HTMLFormElement | undefined {
  const collides = (name: string): boolean => collisions.some(({ property }) => property === name);
  const shown = fields.filter(({ name }) => collides(name));
  if (mine === null || shown.length === 0) return undefined;
  const inputs = shown.map(({ name }) => mergeField(name, mine[name]));
  const form = make("form", { className: "merge" }, make("h3", {}, "Or put both together"));
  shown.forEach(({ label, name }, i) => {
    const { input } = inputs[i] as MergeField;
    form.append(make("label", {}, name === "done" ? "Done" : label, input));
  });
  form.append(make("button", { type: "submit", className: "strong" }, "Save this one"));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const merged = new Map(inputs.map(({ name, value }) => [name, value()]));
    if (merged.get("title") === "") return;
    settle(mergeProperties(({ property = "" }) => merged.get(property)));
  });
  return form;
}

function mergeField(name: string, value: unknown): MergeField {
  if (typeof value === "boolean") {
    const input = make("input", { type: "checkbox", checked: value });
    return { name, input, value: () => input.checked };
  }
  const text = typeof value === "string" ? value : "";
  const input =
    name === "note"
      ? make("textarea", { value: text, rows: 2, maxLength: noteLengthMax })
      : make("input", { value: text, required: true, maxLength: titleLengthMax });
  return { name, input, value: () => input.value.trim() };
}
