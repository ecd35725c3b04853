import { world } from "../terrain.ts";
import { openArena } from "./arena.ts";
import { Camera } from "./camera.ts";
import { openCanvas } from "./canvas.ts";
import { Drag } from "./drag.ts";
import { expose } from "./expose.ts";
import { feed } from "./feed.ts";
import { Hud } from "./hud.ts";
import { startLoop } from "./loop.ts";
import { Particles } from "./particles.ts";
import { Players } from "./players.ts";
import { Scene } from "./scene.ts";
import { Things } from "./things.ts";

/** The spectator's page: the whole arena from above, without fog, avatar or tools. */

const sync = openArena();
const camera = new Camera(true);
const scene = new Scene();
const things = new Things();
const players = new Players();
const particles = new Particles();
const hud = new Hud(sync);

const { canvas, brush } = openCanvas(camera, () => {
  camera.lookAt(camera.x, camera.y);
});
const drag = new Drag(canvas, camera);
feed(sync, {
  me: undefined,
  players,
  things,
  particles,
  scene,
  now: () => performance.now() / 1000,
  ours: () => false,
  released: () => undefined,
});

/** Where the players are: a narrow window shows only a part of the world at once. */
function middle(): { x: number; y: number } {
  const all = [...players];
  if (all.length === 0) return { x: world.width / 2, y: world.height / 2 };
  const sum = all.reduce((a, b) => ({ x: a.x + b.x, y: a.y + b.y }), { x: 0, y: 0 });
  return { x: sum.x / all.length, y: sum.y / all.length };
}

const frames = startLoop((now, seconds) => {
  things.step(now, seconds, () => false);
  players.step(now, seconds);
  particles.step(seconds);
  const { x, y } = middle();
  if (!drag.isUsed) camera.follow(x, y, seconds / 4);
  const nobody = { me: undefined, sight: undefined, preview: undefined, doomed: undefined };
  scene.draw(brush, camera, { ...nobody, players, things, particles }, now);
  hud.show(now, players.size, 0);
  scene.tiles.prefetch(camera);
});
expose({ sync, players, things, frames });
