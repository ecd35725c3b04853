import { icon, make } from "./dom.ts";

/** Stands for a task that this device has deleted, until it is settled whether it stays so. */
export function lostRow(title: string, settle: () => void): HTMLElement {
  const row = make("li", { className: "task lost" }, icon("bin"));
  const button = make("button", { type: "button", className: "settle" }, "Settle");
  button.ariaLabel = `Settle the conflict about ${title}`;
  button.addEventListener("click", settle);
  row.dataset["state"] = "conflict";
  row.append(make("span", { className: "open" }, make("s", {}, title)), button);
  return row;
}
