import type { SeededRandom } from "./random.ts";
import type { Timeline } from "./timeline.ts";

/** What the network is like. It can be changed at any time. */
export interface Climate {
  latencyMinMs: number;
  latencyMaxMs: number;
  /** How often something takes much longer than that, and at most how long. */
  spikeChance: number;
  spikeMaxMs: number;
  /** How fast a receiver reads. */
  bytesPerMs: number;
  /** Within one link, which no honest transport does: a message comes again, later. */
  duplicateChance: number;
  /** Within one link, which no honest transport does: a message overtakes others. */
  reorderChance: number;
}

interface Frame {
  readonly bytes: number;
  /** Otherwise it opens or ends the connection. */
  readonly isMessage: boolean;
  readonly arrive: () => void;
}

/**
 * One direction of one connection. What is sent waits until the other side takes it, then travels,
 * and arrives in order.
 */
export class Pipe {
  readonly #timeline: Timeline;
  readonly #random: SeededRandom;
  readonly #climate: Climate;
  readonly #onDrained: () => void;
  readonly #waiting: Frame[] = [];
  #waitingBytes = 0;
  #isDeparting = false;
  #lastArrival = 0;
  #stuckUntil = 0;
  #heldUntil = 0;
  #isCut = false;

  constructor(timeline: Timeline, random: SeededRandom, climate: Climate, onDrained: () => void) {
    this.#timeline = timeline;
    this.#random = random;
    this.#climate = climate;
    this.#onDrained = onDrained;
  }

  /** Bytes that have not left the sender. */
  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  push(bytes: number, isMessage: boolean, arrive: () => void): void {
    this.#waiting.push({ bytes, isMessage, arrive });
    this.#waitingBytes += bytes;
    if (!this.#isDeparting) this.#depart();
  }

  /** The receiver takes nothing for a while, so that what is sent waits at the sender. */
  stick(forMs: number): void {
    this.#stuckUntil = Math.max(this.#stuckUntil, this.#timeline.now + forMs);
  }

  /** The network delivers nothing for a while, and then all of it. */
  hold(forMs: number): void {
    this.#heldUntil = Math.max(this.#heldUntil, this.#timeline.now + forMs);
  }

  /** Nothing leaves or arrives any more. The sender does not know: what it sends waits for good. */
  cut(): void {
    this.#isCut = true;
  }

  heal(): void {
    this.#stuckUntil = 0;
    this.#heldUntil = 0;
  }

  #depart(): void {
    for (let frame = this.#waiting[0]; frame !== undefined; frame = this.#waiting[0]) {
      if (this.#isCut) return;
      const { now } = this.#timeline;
      const takesMs = Math.max(0, this.#stuckUntil - now) + frame.bytes / this.#climate.bytesPerMs;
      if (takesMs > 0) {
        this.#isDeparting = true;
        // Looked at again now and then: the rate may have changed meanwhile.
        this.#timeline.after(Math.min(takesMs, 1_000), () => this.#departed(takesMs <= 1_000));
        return;
      }
      this.#leave(frame);
    }
  }

  #departed(isThrough: boolean): void {
    this.#isDeparting = false;
    const [frame] = this.#waiting;
    if (this.#isCut || frame === undefined) return;
    if (isThrough && this.#stuckUntil <= this.#timeline.now) this.#leave(frame);
    this.#depart();
    if (this.#waiting.length === 0) this.#onDrained();
  }

  #leave(frame: Frame): void {
    this.#waiting.shift();
    this.#waitingBytes -= frame.bytes;
    const { reorderChance, duplicateChance } = this.#climate;
    const earliest = Math.max(this.#timeline.now + this.#latencyMs(), this.#heldUntil);
    const { isMessage } = frame;
    const isOvertaking = isMessage && reorderChance > 0 && this.#random.chance(reorderChance);
    const arrival = isOvertaking ? earliest : Math.max(earliest, this.#lastArrival);
    this.#lastArrival = Math.max(this.#lastArrival, arrival);
    this.#arriveAt(arrival, frame);
    if (isMessage && duplicateChance > 0 && this.#random.chance(duplicateChance)) {
      this.#arriveAt(arrival + this.#random.between(0, 300), frame);
    }
  }

  #arriveAt(at: number, { arrive }: Frame): void {
    this.#timeline.at(at, () => {
      if (!this.#isCut) arrive();
    });
  }

  #latencyMs(): number {
    const { latencyMinMs, latencyMaxMs, spikeChance, spikeMaxMs } = this.#climate;
    const isSpike = spikeChance > 0 && this.#random.chance(spikeChance);
    const usual = this.#random.between(latencyMinMs, latencyMaxMs);
    return isSpike ? usual + this.#random.between(0, spikeMaxMs) : usual;
  }
}
