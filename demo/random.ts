/** A small seeded generator (mulberry32): numbers in [0, 1), the same ones for the same seed. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** A stable number for a text (FNV-1a), so that every page gives the same id the same looks. */
export function hash(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return h >>> 0;
}

/** The element at `index`, wrapped around: any integer is a valid index of a non-empty list. */
export function pick<T>(list: readonly [T, ...T[]], index: number): T {
  const wrapped = ((Math.trunc(index) % list.length) + list.length) % list.length;
  return list[wrapped] ?? list[0];
}
