import { openArena, settle } from "./arena.ts";
import { Camera } from "./camera.ts";
import { Chat } from "./chat.ts";
import { element } from "./dom.ts";
import { feed } from "./feed.ts";
import { Garden } from "./garden.ts";
import { Hand } from "./hand.ts";
import { Hud } from "./hud.ts";
import { Keys } from "./keys.ts";
import { startLoop } from "./loop.ts";
import { Me } from "./me.ts";
import { Minimap } from "./minimap.ts";
import { Mover } from "./mover.ts";
import { Particles } from "./particles.ts";
import { Players } from "./players.ts";
import { Pointer } from "./pointer.ts";
import { Presence } from "./presence.ts";
import { keepInTab, keepProfile, loadProfile, randomProfile } from "./profile.ts";
import { ProfilePanel } from "./profile-panel.ts";
import { number } from "./read.ts";
import { Scene } from "./scene.ts";
import { Things } from "./things.ts";
import { Toolbar } from "./toolbar.ts";
import { PositionWriter } from "./writer.ts";
import { playerPrefix } from "../kinds.ts";

/** Puts the page together. Every part is its own file; here is only who knows whom. */

const canvas = element("world", HTMLCanvasElement);
const brush = canvas.getContext("2d", { alpha: false });
if (brush === null) throw new Error("This browser has no 2D canvas.");

const { profile, newTab } = loadProfile();
// Each page is a player of its own.
const me = new Me(playerPrefix + crypto.getRandomValues(new Uint32Array(2)).join(""), profile);
const sync = openArena();
const camera = new Camera();
const scene = new Scene();
const things = new Things();
const players = new Players();
const particles = new Particles();
const pageTime = () => performance.now() / 1000;

const hud = new Hud(sync);
const writer = new PositionWriter((id, x, y) => {
  const sentAt = performance.now();
  // When I was there, by my clock: others move me in my rhythm, not in the network's.
  const write = sync.save(id === me.id ? { id, x, y, at: Math.round(sentAt) } : { id, x, y });
  settle(
    write.then(() => {
      hud.roundTrip(performance.now() - sentAt);
    }),
  );
});
const mover = new Mover(me, things, writer, particles);
feed(sync, {
  me,
  players,
  things,
  particles,
  scene,
  now: pageTime,
  ours: () => writer.writing,
  released: (id) => {
    mover.release(id);
  },
});
const toolbar = new Toolbar(element("tools", HTMLElement));
const hand = new Hand({ me, camera, things, toolbar, garden: new Garden(sync, things) });
const chat = new Chat(
  element("chat", HTMLFormElement),
  element("say", HTMLInputElement),
  (text) => {
    presence.say(text, pageTime());
  },
);
const panel = new ProfilePanel(profile, (changed) => {
  keepProfile(changed);
  presence.wear(changed);
});
const stop = sync.on("synced", () => {
  stop();
  // A second tab finds its name taken, by the first one: it is somebody else.
  if (!newTab || ![...players].some(({ name }) => name === me.name)) return;
  const other = randomProfile();
  keepInTab(other);
  me.wear(other);
  panel.show(other);
});
const presence = new Presence(sync, me);
const keys = new Keys((code) => {
  if (code === "Enter" || code === "NumpadEnter") chat.open();
  else return hand.press(code);
  return true;
});
const pointer = new Pointer(canvas, hand);
const minimap = new Minimap(element("map", HTMLCanvasElement));

function resize(): void {
  camera.resize(innerWidth, innerHeight, devicePixelRatio);
  canvas.width = Math.round(camera.width * camera.ratio);
  canvas.height = Math.round(camera.height * camera.ratio);
  camera.lookAt(me.x, me.y);
}
addEventListener("resize", resize);
resize();

function placeOf(id: string): { x: number; y: number } | undefined {
  const object = sync.get(id);
  return object && { x: number(object["x"], 0), y: number(object["y"], 0) };
}

function write(): void {
  writer.flush(performance.now(), sync.status === "synced", placeOf);
}
// A hidden page gets no frames, but its last step is still to be told.
document.addEventListener("visibilitychange", () => setTimeout(write, 60));

const frames = startLoop((now, seconds) => {
  const wish = keys.direction;
  mover.step(wish.x === 0 && wish.y === 0 ? pointer.direction : wish, now, seconds);
  things.step(now, seconds, (id) => writer.has(id));
  players.step(now, seconds);
  particles.step(seconds);
  write();
  camera.follow(me.x, me.y, seconds);
  const { preview, doomed } = hand.hint(pointer.hover);
  canvas.style.cursor = toolbar.tool === "remove" ? "crosshair" : "default";
  const shown = { me, players, things, particles, preview, doomed };
  scene.draw(brush, camera, shown, now);
  pointer.drawStick(brush, camera.ratio);
  minimap.draw(now, camera, scene.tiles, shown);
  hud.show(now, players.size + 1, writer.waiting);
  scene.tiles.prefetch(camera);
});

declare global {
  interface Window {
    /** For the curious, and for tests. */
    arena: {
      sync: typeof sync;
      me: Me;
      players: Players;
      things: Things;
      frames: typeof frames;
    };
  }
}
window.arena = { sync, me, players, things, frames };
