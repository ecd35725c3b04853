/** A frame never pretends that more time than this has passed: after a pause nothing leaps. */
const stepSecondsMax = 0.05;
const blend = 0.05;

/** How long frames take: between two of them, and our own work in each. Milliseconds, averaged. */
export interface FrameTimes {
  betweenMs: number;
  workMs: number;
}

/**
 * Calls `frame` for every picture the browser shows. A hidden page gets none: it stops drawing but
 * stays connected. One frame that fails is reported and does not end the next ones.
 */
export function startLoop(frame: (now: number, seconds: number) => void): FrameTimes {
  const times: FrameTimes = { betweenMs: 0, workMs: 0 };
  let last = performance.now();
  // The time of the picture, which is even, rather than the time at which we got to paint it.
  const tick = (time: number): void => {
    requestAnimationFrame(tick);
    const began = performance.now();
    const between = Math.max(0, time - last);
    last = time;
    try {
      frame(time / 1000, Math.min(stepSecondsMax, between / 1000));
    } catch (error) {
      console.error(error);
    }
    times.betweenMs += (between - times.betweenMs) * blend;
    times.workMs += (performance.now() - began - times.workMs) * blend;
  };
  requestAnimationFrame(tick);
  return times;
}
