import type { Camera } from "./camera.ts";
import { bubbleSprite, drawTail, nameSprite } from "./draw-words.ts";
import { clearness, type Sight } from "./sight.ts";
import { type Brush, type Sprites, stamp } from "./sprite.ts";
import { type Bubble, bubbleSeconds, type Walker } from "./walker.ts";

const headUnits = 60;
const popSeconds = 0.18;
const fadeSeconds = 0.6;
/** Bubbles stay this far inside the view. */
const marginPixels = 2;

/** Who reads, and how far they see. */
interface Reader {
  readonly me: Walker | undefined;
  readonly sight: Sight | undefined;
}

export function drawNames(
  brush: Brush,
  camera: Camera,
  sprites: Sprites,
  walkers: readonly Walker[],
  { me, sight }: Reader,
): void {
  brush.setTransform(camera.ratio, 0, 0, camera.ratio, 0, 0);
  // The nearer ones over the farther ones, mine over all.
  const depth = (walker: Walker) => (walker === me ? Infinity : walker.y);
  for (const walker of [...walkers].sort((a, b) => depth(a) - depth(b))) {
    const { x, y } = camera.toScreen(walker.x, walker.y - headUnits);
    brush.globalAlpha = clearness(sight, walker.x, walker.y);
    stamp(
      brush,
      nameSprite(sprites, brush, walker.name, walker === me),
      Math.round(x),
      Math.round(y),
    );
  }
  brush.globalAlpha = 1;
}

export function drawBubbles(
  brush: Brush,
  camera: Camera,
  sprites: Sprites,
  walkers: readonly Walker[],
  { sight }: Reader,
  now: number,
): void {
  brush.setTransform(camera.ratio, 0, 0, camera.ratio, 0, 0);
  const speaking = walkers.filter(
    ({ bubble }) => bubble !== undefined && now - bubble.at < bubbleSeconds(bubble.said.text),
  );
  speaking.sort((a, b) => a.y - b.y);
  for (const walker of speaking) {
    const head = camera.toScreen(walker.x, walker.y - headUnits);
    // Who is out of sight is out of hearing.
    if (head.x < 0 || head.x > camera.width) continue;
    if (walker.bubble === undefined) continue;
    brush.globalAlpha = clearness(sight, walker.x, walker.y);
    drawBubble(brush, camera, sprites, walker.bubble, head, now);
  }
  brush.globalAlpha = 1;
}

function drawBubble(
  brush: Brush,
  camera: Camera,
  sprites: Sprites,
  { said, at, aside }: Bubble,
  head: { x: number; y: number },
  now: number,
): void {
  const age = now - at;
  const left = bubbleSeconds(said.text) - age;
  const sprite = bubbleSprite(sprites, brush, said.text, aside);
  // The bubble stays in view; its tail stays with the head.
  const half = sprite.width / 2;
  const x = Math.min(camera.width - half - marginPixels, Math.max(half + marginPixels, head.x));
  const rise = left < fadeSeconds ? (fadeSeconds - left) * 14 : 0;
  const part = Math.min(1, age / popSeconds);
  const size = 0.6 + 0.4 * part * (2 - part);
  brush.save();
  brush.globalAlpha *= Math.min(1, left / fadeSeconds);
  brush.translate(Math.round(head.x), Math.round(head.y - 11 - rise));
  brush.scale(size, size);
  const tail = Math.min(half - 26, Math.max(26 - half, head.x - x));
  stamp(brush, sprite, Math.round(x - head.x), -9);
  drawTail(brush, Math.round(x - head.x + tail), -9, aside !== undefined);
  brush.restore();
}
