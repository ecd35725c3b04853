/** Whether the same is hidden: these are the names of properties, in the order in which a rule has them. */
export function hidesSame(some: readonly string[], others: readonly string[]): boolean {
  return (
    some === others || (some.length === others.length && some.every((one, i) => one === others[i]))
  );
}
