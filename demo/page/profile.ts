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

/** Reading and writing may both be refused (private windows, full disks): then it lasts this visit. */
export function loadProfile(): Profile {
  const made = randomProfile();
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(key) ?? "null");
    if (typeof kept !== "object" || kept === null) {
      keepProfile(made);
      return made;
    }
    const { name, color, hat } = kept as Properties & Partial<Record<keyof Profile, unknown>>;
    return {
      name: line(name, nameMax) || made.name,
      color: colour(color, made.color),
      hat: number(hat, made.hat),
    };
  } catch {
    return made;
  }
}

export function keepProfile(profile: Profile): void {
  try {
    localStorage.setItem(key, JSON.stringify(profile));
  } catch {
    // Not kept: the name is simply another one next time.
  }
}
