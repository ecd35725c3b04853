/** An id that nobody has, in a namespace. */
export function freshId(namespace: string): string {
  return `${namespace}:${crypto.getRandomValues(new Uint32Array(2)).join("")}`;
}
