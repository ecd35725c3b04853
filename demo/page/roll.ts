import { type Body, overlapOf, radiusOf, standable } from "./push.ts";

/** Kicked balls: they roll on for a while, and whoever kicked one computes and sends where. */
const frictionPerSecond = 1.15;
const bounce = 0.7;
const stopBelow = 10;
const speedMax = 460;

export class Rolling {
  readonly #speeds = new Map<string, { vx: number; vy: number }>();

  kick(id: string, vx: number, vy: number): void {
    const speed = Math.hypot(vx, vy);
    const scale = speed > speedMax ? speedMax / speed : 1;
    this.#speeds.set(id, { vx: vx * scale, vy: vy * scale });
  }

  /** Somebody else moved it, or it is gone. */
  release(id: string): void {
    this.#speeds.delete(id);
  }

  step(
    seconds: number,
    find: (id: string) => Body | undefined,
    bodies: readonly Body[],
    moved: (body: Body) => void,
  ): void {
    for (const [id, speed] of this.#speeds) {
      const ball = find(id);
      if (ball === undefined || Math.hypot(speed.vx, speed.vy) < stopBelow) {
        this.#speeds.delete(id);
        continue;
      }
      this.#advance(ball, speed, seconds, bodies);
      moved(ball);
    }
  }

  #advance(
    ball: Body,
    speed: { vx: number; vy: number },
    seconds: number,
    bodies: readonly Body[],
  ): void {
    const slower = Math.exp(-frictionPerSecond * seconds);
    speed.vx *= slower;
    speed.vy *= slower;
    const x = ball.x + speed.vx * seconds;
    const y = ball.y + speed.vy * seconds;
    const radius = radiusOf(ball);
    const free = standable(x, y, radius * 0.8);
    reflect(speed, free.x - x, free.y - y);
    Object.assign(ball, free);
    for (const other of bodies) {
      const otherRadius = radiusOf(other);
      if (other === ball || otherRadius === 0) continue;
      const overlap = overlapOf(ball, radius, other, otherRadius);
      if (overlap === undefined) continue;
      ball.x -= overlap.x;
      ball.y -= overlap.y;
      reflect(speed, -overlap.x, -overlap.y);
      if (other.kind !== "ball") continue;
      // Ball against ball: the other one rolls off the way it was hit.
      const along = Math.hypot(overlap.x, overlap.y) || 1;
      const hit = Math.hypot(speed.vx, speed.vy) * 0.8;
      this.kick(other.id, (overlap.x / along) * hit, (overlap.y / along) * hit);
    }
  }
}

/** Mirrors a speed that points against the normal (nx, ny). */
function reflect(speed: { vx: number; vy: number }, nx: number, ny: number): void {
  const length = Math.hypot(nx, ny);
  if (length < 0.001) return;
  const into = (speed.vx * nx + speed.vy * ny) / length;
  if (into >= 0) return;
  speed.vx -= ((1 + bounce) * into * nx) / length;
  speed.vy -= ((1 + bounce) * into * ny) / length;
}
