import { hash, pick } from "../random.ts";
import { colours } from "./palette.ts";

/** Objects come from other people's pages: every property is read as if it could be anything. */
export type Properties = Readonly<Record<string, unknown>>;

export const nameMax = 18;
export const sayMax = 140;

export function number(value: unknown, fallback: number, min = -1e6, max = 1e6): number {
  const usable = typeof value === "number" && Number.isFinite(value);
  return usable ? Math.min(max, Math.max(min, value)) : fallback;
}

/** One line without control characters, at most `max` characters long. */
export function line(value: unknown, max: number): string {
  if (typeof value !== "string") return "";
  // Controls, every kind of space, and the marks that turn the direction of the text around.
  const unwanted = /[\p{Cc}\p{Z}\u202a-\u202e\u2066-\u2069\ufeff]+/gu;
  const clean = value.slice(0, max * 4).replace(unwanted, " ");
  return Array.from(clean.trim()).slice(0, max).join("");
}

export function colour(value: unknown, id: string): string {
  const usable = typeof value === "string" && /^#[0-9a-f]{6}$/i.test(value);
  return usable ? value : pick(colours, hash(id));
}

export type Said = {
  readonly text: string;
  /** Counts what one player says: the same words twice are two sayings. */
  readonly n: number;
};

export function said(value: unknown): Said | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { text, n } = value as Properties & { text?: unknown; n?: unknown };
  const words = line(text, sayMax);
  return words === "" ? undefined : { text: words, n: number(n, 0) };
}
