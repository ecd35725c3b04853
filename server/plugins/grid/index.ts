export { grid } from "./grid.ts";
export type { GridOptions, RadiusOf } from "./grid-options.ts";
