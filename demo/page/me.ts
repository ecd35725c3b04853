import { plaza } from "../terrain.ts";
import { hash } from "../random.ts";
import type { Profile } from "./profile.ts";
import { standable } from "./push.ts";
import { animate, type Bubble, type Walker, walkSpeed } from "./walker.ts";

const quickenPerSecond = 13;
/** A walk to a place is given up when it has got no nearer for so long. */
const stuckSeconds = 0.7;
const arrivedUnits = 5;

/** My own avatar: moved here at once, without waiting for anybody. */
export class Me implements Walker {
  readonly id: string;
  readonly seed: number;
  name: string;
  colour: string;
  hat: number;
  x: number;
  y: number;
  vx = 0;
  vy = 0;
  facing = { x: 0, y: 1 };
  stride = 0;
  pace = 0;
  bubble: Bubble | undefined = undefined;
  bornAt = 0;
  /** Where a click sent me. */
  target: { x: number; y: number } | undefined = undefined;
  #nearest = Infinity;
  #stuckFor = 0;

  constructor(id: string, profile: Profile) {
    this.id = id;
    this.seed = hash(id) % 10_007;
    this.name = profile.name;
    this.colour = profile.color;
    this.hat = profile.hat;
    const angle = Math.random() * Math.PI * 2;
    this.x = Math.round(plaza.x + Math.cos(angle) * 86);
    this.y = Math.round(plaza.y + Math.sin(angle) * 86);
  }

  wear({ name, color, hat }: Profile): void {
    this.name = name;
    this.colour = color;
    this.hat = hat;
  }

  walkTo(x: number, y: number): void {
    this.target = { x, y };
    this.#nearest = Infinity;
    this.#stuckFor = 0;
  }

  /** `wish` is a direction of length 0 to 1; it takes precedence over a target. */
  step(wish: { x: number; y: number }, seconds: number, obstacles: (me: Me) => void): void {
    const [x, y] = [this.x, this.y];
    const steered = wish.x !== 0 || wish.y !== 0;
    if (steered) this.target = undefined;
    const heading = steered ? wish : this.#headForTarget(seconds);
    const part = 1 - Math.exp(-quickenPerSecond * seconds);
    this.vx += (heading.x * walkSpeed - this.vx) * part;
    this.vy += (heading.y * walkSpeed - this.vy) * part;
    if (Math.hypot(this.vx, this.vy) < 2) this.vx = this.vy = 0;
    this.x += this.vx * seconds;
    this.y += this.vy * seconds;
    obstacles(this);
    Object.assign(this, standable(this.x, this.y));
    animate(this, this.x - x, this.y - y, seconds);
  }

  #headForTarget(seconds: number): { x: number; y: number } {
    const still = { x: 0, y: 0 };
    if (this.target === undefined) return still;
    const dx = this.target.x - this.x;
    const dy = this.target.y - this.y;
    const distance = Math.hypot(dx, dy);
    this.#stuckFor = distance < this.#nearest - 1 ? 0 : this.#stuckFor + seconds;
    this.#nearest = Math.min(this.#nearest, distance);
    if (distance < arrivedUnits || this.#stuckFor > stuckSeconds) {
      this.target = undefined;
      return still;
    }
    const speed = Math.min(1, distance / 26);
    return { x: (dx / distance) * speed, y: (dy / distance) * speed };
  }
}
