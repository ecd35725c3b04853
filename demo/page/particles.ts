import type { Camera } from "./camera.ts";
import { type Brush, disc } from "./sprite.ts";

/** Dust, leaves and puffs: small discs that fly a moment and fade. Only decoration. */
const particlesMax = 260;
const gravity = 60;

interface Particle {
  x: number;
  y: number;
  z: number;
  vx: number;
  vy: number;
  vz: number;
  left: number;
  readonly life: number;
  readonly radius: number;
  readonly colour: string;
}

export class Particles {
  readonly #all: Particle[] = [];

  puff(
    x: number,
    y: number,
    colours: readonly string[],
    count: number,
    speed = 60,
    rise = 46,
  ): void {
    for (let i = 0; i < count && this.#all.length < particlesMax; i++) {
      const angle = Math.random() * Math.PI * 2;
      const fast = speed * (0.35 + Math.random() * 0.65);
      const life = 0.4 + Math.random() * 0.5;
      this.#all.push({
        x,
        y,
        z: Math.random() * rise * 0.2,
        vx: Math.cos(angle) * fast,
        vy: Math.sin(angle) * fast * 0.6,
        vz: rise * (0.25 + Math.random()),
        left: life,
        life,
        radius: 1.6 + Math.random() * 3.2,
        colour: colours[i % colours.length] ?? "#ffffff",
      });
    }
  }

  step(seconds: number): void {
    for (let i = this.#all.length - 1; i >= 0; i--) {
      const one = this.#all[i];
      if (one === undefined) continue;
      one.left -= seconds;
      if (one.left <= 0) {
        this.#all.splice(i, 1);
        continue;
      }
      one.x += one.vx * seconds;
      one.y += one.vy * seconds;
      one.z = Math.max(0, one.z + one.vz * seconds);
      one.vx *= 1 - 2.2 * seconds;
      one.vy *= 1 - 2.2 * seconds;
      one.vz -= gravity * seconds;
    }
  }

  draw(brush: Brush, camera: Camera): void {
    for (const one of this.#all) {
      if (!camera.sees(one.x, one.y, 30)) continue;
      const part = one.left / one.life;
      brush.globalAlpha = Math.min(1, part * 1.6);
      disc(brush, one.x, one.y - one.z, one.radius * (0.5 + part * 0.5), one.colour);
    }
    brush.globalAlpha = 1;
  }
}
