import { censusId } from "../kinds.ts";
import { openArena, settle } from "./arena.ts";
import { Camera } from "./camera.ts";
import { openCanvas } from "./canvas.ts";
import { Chat } from "./chat.ts";
import { element } from "./dom.ts";
import { expose } from "./expose.ts";
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
import { takePass } from "./pass.ts";
import { Players } from "./players.ts";
import { Pointer } from "./pointer.ts";
import { Presence } from "./presence.ts";
import { keepInTab, keepProfile, loadProfile, randomProfile } from "./profile.ts";
import { ProfilePanel } from "./profile-panel.ts";
import { number } from "./read.ts";
import { Scene } from "./scene.ts";
import { MySight } from "./sight.ts";
import { Things } from "./things.ts";
import { Toolbar } from "./toolbar.ts";
import { WhisperLog } from "./whisper-log.ts";
import { Whispers } from "./whispers.ts";
import { PositionWriter } from "./writer.ts";

/** Puts a player's page together. Every part is its own file; here is only who knows whom. */

const pass = await takePass();
const { profile, newTab } = loadProfile();
const me = new Me(pass.id, profile);
const sync = openArena(pass);
const camera = new Camera();
const scene = new Scene();
const sight = new MySight();
const things = new Things();
const players = new Players();
const particles = new Particles();
const pageTime = () => performance.now() / 1000;

const { canvas, brush } = openCanvas(camera, () => {
  camera.lookAt(me.x, me.y);
});
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
const cameBack = feed(sync, {
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
const panel = new ProfilePanel(profile, (changed) => {
  keepProfile(changed);
  presence.wear(changed);
});
let isNew = true;
const presence = new Presence(sync, me, () => {
  cameBack();
  sight.open();
  // A second tab finds its name taken, by the first one: it is somebody else.
  if (isNew && newTab && [...players].some(({ name }) => name === me.name)) {
    const other = randomProfile();
    keepInTab(other);
    presence.wear(other);
    panel.show(other);
  }
  isNew = false;
});

const log = new WhisperLog((other) => {
  chat.whisperTo(other);
});
const whispers = new Whispers(sync, me, {
  said: (whisper) => {
    const { other, text, isMine } = whisper;
    log.said(whisper);
    const speaker = isMine ? me : players.get(other.id);
    if (speaker === undefined) return;
    const aside = isMine ? `to ${other.name} alone` : "to you alone";
    speaker.bubble = { said: { text, n: 0 }, at: pageTime(), aside };
  },
  missed: (listener) => {
    log.missed(listener);
    chat.forget(listener);
  },
});
const chat = new Chat({
  players,
  say: (text) => {
    presence.say(text, pageTime());
  },
  whisper: (to, text) => {
    whispers.tell(to, text);
  },
});

const toolbar = new Toolbar(element("tools", HTMLElement));
const garden = new Garden(sync, things);
const meet = chat.whisperTo.bind(chat);
const hand = new Hand({ me, camera, sight, things, players, toolbar, garden, meet });
const keys = new Keys((code) => {
  if (code === "Enter" || code === "NumpadEnter") chat.open();
  else return hand.press(code);
  return true;
});
const pointer = new Pointer(canvas, hand);
const minimap = new Minimap(element("map", HTMLCanvasElement));

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
  sight.step(me, seconds);
  things.step(now, seconds, (id) => writer.has(id));
  players.step(now, seconds);
  particles.step(seconds);
  write();
  camera.follow(me.x, me.y, seconds);
  const { preview, doomed, cursor } = hand.hint(pointer.hover);
  canvas.style.cursor = cursor;
  const shown = { me, sight, players, things, particles, preview, doomed };
  scene.draw(brush, camera, shown, now);
  pointer.drawStick(brush, camera.ratio);
  minimap.draw(now, scene.tiles, shown);
  hud.show(now, number(sync.get(censusId)?.["players"], players.size + 1), writer.waiting);
  scene.tiles.prefetch(camera);
});
expose({ sync, me, players, things, frames });
