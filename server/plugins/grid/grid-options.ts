import type { SessionInfo, Topic } from "../../index.ts";

export interface GridOptions {
  /** Objects whose ids begin with one of these and a colon are shown by where they are. */
  readonly namespaces: readonly string[];
  /** The properties that say where an object is. Default: "x" and "y". */
  readonly properties?: readonly [x: string, y: string];
  /** How wide and high a cell is, in the unit of these properties. */
  readonly cellSize: number;
  /** How far around the object that it follows a client is shown others, at least; in the same unit. */
  readonly radius: number;
  /**
   * How far beyond its cell an object must be to change it, so that one who walks along a border does
   * not come and go; in the same unit. Default: a tenth of a cell.
   */
  readonly margin?: number;
  /** The id of the object that a client follows; undefined when it follows none, and sees none. */
  readonly follow: (session: SessionInfo) => string | undefined;
  /** What clients are shown besides. */
  readonly besides?: (session: SessionInfo) => readonly Topic[];
  /** In which world; "default" unless given. */
  readonly world?: string;
}
