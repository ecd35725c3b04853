/** Objects to which everyone adds, by what they see: nothing that anybody has added may get lost. */
export const TALLIES = 3;

export function tallyId(index: number): string {
  return `tally:${index}`;
}

export function isTally(id: string): boolean {
  return id.startsWith("tally:");
}
