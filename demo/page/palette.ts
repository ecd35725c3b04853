/** One palette for the whole page: a mild afternoon. */
export const colours = [
  "#ef6f5e",
  "#f2953f",
  "#eebf3f",
  "#86bf4e",
  "#3fae8c",
  "#3aa5c6",
  "#5c82e0",
  "#8f70e0",
  "#c566c6",
  "#ec7aa2",
  "#a8775a",
  "#67788a",
] as const satisfies readonly [string, ...string[]];

export const skins = ["#ffe3c7", "#f7cda6", "#e3ad80", "#bf875e", "#9a6a48"] as const;

export const flowers = ["#ff8fab", "#ffd166", "#f9f7ff", "#b79bff", "#ff7b62", "#8ecbff"] as const;

export const balls = ["#ff7b62", "#4fb3e8", "#ffc145", "#f078a6", "#5cbf7a", "#9a7be8"] as const;

export const ground = {
  grass: "#a3cd74",
  grassLight: "#bddd8c",
  grassDark: "#86b962",
  tuft: "#7fb25c",
  tuftLight: "#c4e296",
  path: "#ead8ab",
  pathLight: "#f1e4c0",
  pathEdge: "#cdb27d",
  pebble: "#d6c08d",
  bank: "#d9c58f",
  bankEdge: "#8fb565",
  shallow: "#97dbdc",
  water: "#6cc3d6",
  deep: "#52aecb",
  glint: "#e8fbfb",
} as const;

export const wood = { light: "#d9a66c", mid: "#c08a54", dark: "#94643d", line: "#7b5233" } as const;
export const shadow = "rgba(42, 66, 58, 0.22)";
export const ink = "#2f3e3a";
export const paper = "#fffaf0";
/** For what only two may read. */
export const whisper = { paper: "#efe8ff", ink: "#453a6e", label: "#8b78c4" } as const;

/** As `rgb()` takes them: each is used in many degrees. */
export const fog = {
  veil: "222, 233, 226",
  puffs: ["247, 250, 244", "206, 222, 217", "232, 240, 234"],
} as const;

/** Mixes two `#rrggbb` colours; `part` 0 is all `from`. */
export function mix(from: string, to: string, part: number): string {
  const channel = (at: number) => {
    const a = Number.parseInt(from.slice(at, at + 2), 16);
    const b = Number.parseInt(to.slice(at, at + 2), 16);
    return Math.round(a + (b - a) * part)
      .toString(16)
      .padStart(2, "0");
  };
  return `#${channel(1)}${channel(3)}${channel(5)}`;
}

const mixedMax = 2000;
const mixed = new Map<string, string>();

/** Remembered: an avatar is painted anew in every frame, in always the same few shades. */
function shade(colour: string, part: number, to: string): string {
  const key = `${colour}${part}${to}`;
  const known = mixed.get(key);
  if (known !== undefined) return known;
  if (mixed.size >= mixedMax) mixed.clear();
  const made = mix(colour, to, part);
  mixed.set(key, made);
  return made;
}

export const lighter = (colour: string, part: number): string => shade(colour, part, "#fff6e0");
export const darker = (colour: string, part: number): string => shade(colour, part, "#2c3350");
