import { pick } from "../random.ts";
import { colours } from "./palette.ts";
import { hatCount } from "./draw-hat.ts";
import { colour, line, nameMax, number, type Properties } from "./read.ts";

/** What a player wears: made up on the first visit, changeable, remembered by the browser. */
export interface Profile {
  readonly name: string;
  readonly color: string;
  readonly hat: number;
}

const key = "object-sync arena";

const moods = [
  "Sunny",
  "Brave",
  "Mellow",
  "Merry",
  "Nimble",
  "Gentle",
  "Lucky",
  "Witty",
  "Dreamy",
  "Jolly",
  "Cosy",
  "Swift",
  "Plucky",
  "Breezy",
] as const;

const animals = [
  "Otter",
  "Fox",
  "Heron",
  "Badger",
  "Hare",
  "Robin",
  "Panda",
  "Lynx",
  "Wren",
  "Koala",
  "Beaver",
  "Finch",
  "Hedgehog",
  "Moose",
] as const;

const chance = (n: number) => Math.floor(Math.random() * n);

export function randomProfile(): Profile {
  return {
    name: `${pick(moods, chance(moods.length))} ${pick(animals, chance(animals.length))}`,
    color: pick(colours, chance(colours.length)),
    hat: chance(hatCount),
  };
}

/**
 * Who I was in this tab, else who I was in this browser, else somebody new. A tab remembers for
 * itself too: two tabs are two players, and a reload of the second stays the second.
 */
export function loadProfile(): { profile: Profile; newTab: boolean } {
  const inTab = read(() => sessionStorage);
  const profile = inTab ?? read(() => localStorage) ?? randomProfile();
  keepProfile(profile);
  return { profile, newTab: inTab === undefined };
}

export function keepProfile(profile: Profile): void {
  write(() => localStorage, profile);
  keepInTab(profile);
}

export function keepInTab(profile: Profile): void {
  write(() => sessionStorage, profile);
}

/** Asking for a storage, reading and writing may each be refused: then it lasts for this visit. */
function read(storage: () => Storage): Profile | undefined {
  try {
    const kept: unknown = JSON.parse(storage().getItem(key) ?? "null");
    if (typeof kept !== "object" || kept === null) return undefined;
    const { name, color, hat } = kept as Properties & Partial<Record<keyof Profile, unknown>>;
    const made = randomProfile();
    return {
      name: line(name, nameMax) || made.name,
      color: colour(color, made.color),
      hat: Math.trunc(number(hat, made.hat)),
    };
  } catch {
    return undefined;
  }
}

function write(storage: () => Storage, profile: Profile): void {
  try {
    storage().setItem(key, JSON.stringify(profile));
  } catch {
    // Not kept: the name is simply another one next time.
  }
}
