/** Clients, and commits of each, that are remembered at most: of more, the oldest are forgotten. */
const CLIENTS_MAX = 10_000;
const COMMITS_MAX = 10_000;

/** Which commits are a client's own, of those that it may not have heard of when it wrote. */
export class OwnCommits {
  /** Ascending; by client, who wrote last at the end. */
  readonly #byClient = new Map<string, number[]>();

  /** Whether a commit is news to a client that has seen all up to `seen`: newer, and not its own. */
  newsAfter(clientId: string, seen: number): (seq: number) => boolean {
    const own = this.#byClient.get(clientId);
    if (own === undefined) return (seq) => seq > seen;
    return (seq) => seq > seen && !has(own, seq);
  }

  /** A client that had seen all up to `seen` has committed `seq`. */
  add(clientId: string, seq: number, seen: number): void {
    const own = this.#byClient.get(clientId) ?? [];
    this.#byClient.delete(clientId);
    this.#byClient.set(clientId, own);
    own.push(seq);
    // What it writes after this has seen as much, unless it is about the same as what is undecided yet.
    const known = own.findIndex((one) => one > seen);
    own.splice(0, Math.max(known, own.length - COMMITS_MAX));
    if (this.#byClient.size <= CLIENTS_MAX) return;
    const [oldest] = this.#byClient.keys();
    this.#byClient.delete(oldest as string);
  }

  forgetAfter(seq: number): void {
    for (const own of this.#byClient.values()) {
      while ((own.at(-1) ?? 0) > seq) own.pop();
    }
  }
}

function has(ascending: readonly number[], wanted: number): boolean {
  let [from, to] = [0, ascending.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    if ((ascending[middle] as number) < wanted) from = middle + 1;
    else to = middle;
  }
  return ascending[from] === wanted;
}
