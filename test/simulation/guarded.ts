/**
 * Objects that are written by whoever has a lease, `{ fence, count, by }`: each write counts on from what
 * its writer sees, so that one who writes besides shows.
 */
export function guardedId(name: string): string {
  return `guarded:${name}`;
}

export function leaseName(index: number): string {
  return `door ${index}`;
}

/** What ordinary applications leave alone: who has a lease, what it guards, what goes one way only. */
export function isApart(id: string): boolean {
  return /^(lease|lease-request|lease-counter|guarded|going|coming):/.test(id);
}
