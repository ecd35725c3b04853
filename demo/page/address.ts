import type { Listener } from "./whispers.ts";

const command = /^\/w(?:\s+|$)/i;

export interface Addressed {
  /** Undefined when nobody is called that. */
  readonly to: Listener | undefined;
  readonly text: string;
}

/** Reads "/w Brave Fox hello". Names have spaces: the longest that fits is meant. */
export function addressed(words: string, players: Iterable<Listener>): Addressed | undefined {
  const start = command.exec(words)?.[0];
  if (start === undefined) return undefined;
  const rest = words.slice(start.length);
  let to: Listener | undefined;
  for (const player of players) {
    const isMeant = `${rest} `.toLowerCase().startsWith(`${player.name.toLowerCase()} `);
    if (isMeant && player.name.length > (to?.name.length ?? 0)) to = player;
  }
  return { to, text: rest.slice(to?.name.length ?? 0).trim() };
}
