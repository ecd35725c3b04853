import { ink, paper, whisper } from "./palette.ts";
import type { Box, Brush, Sprite, Sprites } from "./sprite.ts";

/** Names and speech bubbles, in CSS pixels: they stay readable however far the camera is. */
const font = 'ui-rounded, "SF Pro Rounded", Quicksand, Nunito, "Segoe UI", system-ui, sans-serif';
const nameFont = `600 12px ${font}`;
const sayFont = `600 14px ${font}`;
const asideFont = `600 11px ${font}`;
const asideHeight = 15;
const sayWidthMax = 196;
const sayLinesMax = 6;
const lineHeight = 18;
const shadowPixels = 9;

export function nameSprite(sprites: Sprites, brush: Brush, name: string, mine: boolean): Sprite {
  const key = `name ${mine} ${name}`;
  const known = sprites.known(key);
  if (known !== undefined) return known;
  brush.font = nameFont;
  const half = Math.ceil(brush.measureText(name).width / 2) + 8;
  return sprites.get(key, [-half, -10, half, 10], (on) => {
    on.fillStyle = mine ? "rgba(47, 62, 58, 0.82)" : "rgba(255, 250, 240, 0.8)";
    on.beginPath();
    on.roundRect(-half, -9, half * 2, 18, 9);
    on.fill();
    on.fillStyle = mine ? paper : ink;
    on.font = nameFont;
    on.textAlign = "center";
    on.textBaseline = "middle";
    on.fillText(name, 0, 0.5);
  });
}

/**
 * Speech without its tail: the middle of its lower edge is at (0, 0). `aside` is written above what
 * is for one alone.
 */
export function bubbleSprite(
  sprites: Sprites,
  brush: Brush,
  text: string,
  aside: string | undefined,
): Sprite {
  const key = `say ${aside ?? ""}\n${text}`;
  const known = sprites.known(key);
  if (known !== undefined) return known;
  brush.font = asideFont;
  const asideWidth = brush.measureText(aside ?? "").width;
  brush.font = sayFont;
  const lines = wrap(brush, text);
  const widest = Math.max(...lines.map((words) => brush.measureText(words).width), asideWidth);
  const half = Math.ceil(Math.max(30, widest) / 2) + 13;
  const textTop = 8 + (aside === undefined ? 0 : asideHeight);
  const tall = lines.length * lineHeight + textTop + 7;
  const box: Box = [-half - shadowPixels, -tall - shadowPixels, half + shadowPixels, shadowPixels];
  return sprites.get(key, box, (on) => {
    on.shadowColor = "rgba(40, 60, 55, 0.28)";
    // Shadows are in device pixels, whatever the scale.
    on.shadowBlur = shadowPixels * on.getTransform().a;
    on.shadowOffsetY = 3 * on.getTransform().a;
    on.fillStyle = aside === undefined ? paper : whisper.paper;
    on.beginPath();
    on.roundRect(-half, -tall, half * 2, tall, Math.min(16, tall / 2));
    on.fill();
    on.shadowColor = "transparent";
    on.textAlign = "center";
    on.textBaseline = "middle";
    if (aside !== undefined) {
      on.fillStyle = whisper.label;
      on.font = asideFont;
      on.fillText(aside, 0, -tall + 7 + asideHeight / 2);
    }
    on.fillStyle = aside === undefined ? ink : whisper.ink;
    on.font = sayFont;
    lines.forEach((words, i) => {
      on.fillText(words, 0, -tall + textTop + lineHeight * (i + 0.5));
    });
  });
}

/** The tail of a bubble whose lower edge is at `y`, pointing down at whoever speaks. */
export function drawTail(brush: Brush, x: number, y: number, isAside: boolean): void {
  brush.fillStyle = isAside ? whisper.paper : paper;
  brush.beginPath();
  brush.moveTo(x - 8, y - 1.5);
  brush.quadraticCurveTo(x - 4, y + 4, x - 1, y + 9);
  brush.quadraticCurveTo(x + 4, y + 5, x + 8, y - 1.5);
  brush.fill();
}

/** Breaks at spaces, and inside words that are longer than a line. */
function wrap(brush: Brush, text: string): string[] {
  const lines: string[] = [];
  let current = "";
  const fits = (words: string) => brush.measureText(words).width <= sayWidthMax;
  for (const word of text.split(" ")) {
    const joined = current === "" ? word : `${current} ${word}`;
    if (fits(joined)) {
      current = joined;
      continue;
    }
    if (current !== "") lines.push(current);
    current = "";
    for (const character of Array.from(word)) {
      if (!fits(current + character)) {
        lines.push(current);
        current = "";
      }
      current += character;
    }
  }
  lines.push(current);
  if (lines.length <= sayLinesMax) return lines;
  return [...lines.slice(0, sayLinesMax - 1), `${lines[sayLinesMax - 1] ?? ""}…`];
}
