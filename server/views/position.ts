/** How far somebody is who is shown a source: in the order of what it shows, and in the world's. */
export interface Position {
  /** Ascends with everything that is shown differently; of a whole world it is the `seq`. */
  readonly version: number;
  /** The commit up to which all that is shown is current. */
  readonly seq: number;
}
