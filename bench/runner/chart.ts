import type { ContestantName } from "../contestants/index.ts";
import { figures, median, type Measurement } from "./measurement.ts";

/** One group of bars: a figure, for every contestant that has it. Less is better in all of them. */
interface Panel {
  readonly title: string;
  readonly workload: string;
  readonly case: string;
  readonly key: string;
  readonly unit: string;
}

const panels: readonly Panel[] = [
  panel("Server CPU per delivered update", "arena", "100 players", "serverMicros", "µs"),
  panel("Client CPU per applied update", "arena", "100 players", "clientMicros", "µs"),
  panel("Bytes per update", "arena", "100 players", "bytes", "B"),
  panel(
    "Server CPU per update, 500 players on a grid",
    "interest",
    "500 players",
    "serverMicros",
    "µs",
  ),
  panel("Joining a world of 10,000 objects", "join", "10,000 objects", "ms", "ms"),
];

function panel(title: string, workload: string, name: string, key: string, unit: string): Panel {
  return { title, workload, case: name, key, unit };
}

const WIDTH = 720;
const BARS_LEFT = 150;
const BARS_WIDTH = WIDTH - BARS_LEFT - 130;
const BAR_HEIGHT = 16;
const ROW_HEIGHT = 22;
const PANEL_GAP = 44;
/** The slowest are a hundred times the fastest: what is longer than so many times the least is cut off. */
const LONGEST_RATIO = 8;

/** Bars for the most telling figures, the medians of all rounds, as SVG. */
export function chart(measurements: readonly Measurement[]): string {
  let top = 0;
  const groups = panels.flatMap((one) => {
    const bars = barsOf(one, measurements);
    if (bars.length === 0) return [];
    const group = drawPanel(one, bars, top);
    top += PANEL_GAP + bars.length * ROW_HEIGHT;
    return [group];
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${top + 12}" font-family="sans-serif" font-size="13">`,
    // A ground of its own: it is shown on light and dark pages.
    `<rect width="100%" height="100%" fill="#fff"/>`,
    ...groups,
    `</svg>\n`,
  ].join("\n");
}

interface Bar {
  readonly contestant: ContestantName;
  readonly value: number;
}

function barsOf(one: Panel, measurements: readonly Measurement[]): Bar[] {
  const contestants = [...new Set(measurements.map(({ contestant }) => contestant))];
  return contestants
    .map((contestant) => ({
      contestant,
      value: median(
        figures(measurements, { ...one, contestant }, one.key).map(({ value }) => value),
      ),
    }))
    .filter(({ value }) => !Number.isNaN(value))
    .sort((a, b) => a.value - b.value);
}

function drawPanel({ title, unit }: Panel, bars: readonly Bar[], top: number): string {
  const longest = Math.min(...bars.map(({ value }) => value)) * LONGEST_RATIO;
  const full = Math.min(longest, Math.max(...bars.map(({ value }) => value)));
  const rows = bars.map(({ contestant, value }, index) => {
    const y = top + 34 + index * ROW_HEIGHT;
    const width = Math.max(Math.round((Math.min(value, full) / full) * BARS_WIDTH), 1);
    const color = contestant.startsWith("object-sync") ? "#2f7d4f" : "#9aa5b1";
    const figure = `${value.toLocaleString("en-US", { maximumSignificantDigits: 3 })} ${unit}`;
    const label = value > full ? `${figure}, cut off` : figure;
    return [
      `<text x="${BARS_LEFT - 8}" y="${y + 13}" text-anchor="end">${contestant}</text>`,
      `<rect x="${BARS_LEFT}" y="${y}" width="${width}" height="${BAR_HEIGHT}" fill="${color}"/>`,
      `<text x="${BARS_LEFT + width + 6}" y="${y + 13}">${label}</text>`,
    ].join("");
  });
  const heading = `${title} (less is better)`;
  return [`<text x="12" y="${top + 24}" font-weight="bold">${heading}</text>`, ...rows].join("\n");
}
