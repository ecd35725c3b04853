export { grid } from "./grid.ts";
export type { GridOptions } from "./grid-options.ts";
