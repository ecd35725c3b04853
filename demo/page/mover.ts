import type { Me } from "./me.ts";
import type { Particles } from "./particles.ts";
import { type Body, push } from "./push.ts";
import { Rolling } from "./roll.ts";
import type { Things } from "./things.ts";
import type { PositionWriter } from "./writer.ts";

/** What is farther from me than this cannot be part of a push. */
const reachUnits = 150;
const kickFactor = 1.5;
const brushUnits = 20;
const pushingSpeed = 8;
const dust = ["#efe0b8", "#dcc793"] as const;

/** Walks me through the world: what I walk into moves, and is written. */
export class Mover {
  readonly #me: Me;
  readonly #things: Things;
  readonly #writer: PositionWriter;
  readonly #particles: Particles;
  readonly #rolling = new Rolling();

  constructor(me: Me, things: Things, writer: PositionWriter, particles: Particles) {
    this.#me = me;
    this.#things = things;
    this.#writer = writer;
    this.#particles = particles;
  }

  step(wish: { x: number; y: number }, now: number, seconds: number): void {
    const me = this.#me;
    const [x, y] = [Math.round(me.x), Math.round(me.y)];
    me.step(wish, seconds, () => {
      this.#walkInto(now);
    });
    this.#rolling.step(
      seconds,
      (id) => this.#things.get(id),
      this.#things.list,
      (body) => {
        this.#moved(body, now);
      },
    );
    if (Math.round(me.x) !== x || Math.round(me.y) !== y) this.#writer.want(me.id, me.x, me.y);
  }

  /** Somebody else moved a thing, or it is gone: what we computed for it ends. */
  release(id: string): void {
    this.#rolling.release(id);
  }

  #walkInto(now: number): void {
    const me = this.#me;
    // Who stands still pushes nothing: not even what somebody else moves through them.
    if (Math.hypot(me.vx, me.vy) < pushingSpeed) return;
    const near = this.#things.list.filter(
      ({ x, y }) => Math.abs(x - me.x) < reachUnits && Math.abs(y - me.y) < reachUnits,
    );
    for (const thing of near) {
      if (thing.kind !== "flower" || me.pace < 0.3) continue;
      if (Math.hypot(thing.x - me.x, thing.y - me.y) < brushUnits) thing.tremble = 0.8;
    }
    push(me, near, (body) => {
      this.#moved(body, now);
      if (body.kind === "ball") this.#kick(body);
      else if (Math.random() < 0.14) this.#particles.puff(body.x, body.y + 7, dust, 1, 40, 7);
    });
  }

  #kick(ball: Body): void {
    const me = this.#me;
    const [dx, dy] = [ball.x - me.x, ball.y - me.y];
    const distance = Math.hypot(dx, dy) || 1;
    const speed = Math.hypot(me.vx, me.vy) * kickFactor;
    this.#rolling.kick(ball.id, (dx / distance) * speed, (dy / distance) * speed);
  }

  #moved(body: Body, now: number): void {
    const thing = this.#things.get(body.id);
    if (thing === undefined) return;
    this.#things.hold(thing, now);
    this.#writer.want(thing.id, thing.x, thing.y);
  }
}
