export { element } from "../../page/dom.ts";

const svg = "http://www.w3.org/2000/svg";

/** An element with these properties and children. */
export function make<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  properties: Partial<HTMLElementTagNameMap[Tag]> = {},
  ...children: readonly (Node | string)[]
): HTMLElementTagNameMap[Tag] {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

/** One of the symbols in device.html. */
export function icon(name: string): SVGSVGElement {
  const image = document.createElementNS(svg, "svg");
  image.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(svg, "use");
  use.setAttribute("href", `#${name}`);
  image.append(use);
  return image;
}
