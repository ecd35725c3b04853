import type { Environment } from "../../lib/environment.ts";
import type { Surroundings } from "../../client/plugins/leases/surroundings.ts";
import type { Time } from "../../server/plugins/leases/awake-clock.ts";

/** What the client's side of leases has of a process. */
export function surroundingsOf(environment: Environment): Surroundings {
  const { random, scheduler } = environment;
  return {
    ...timeOf(environment),
    newId: () => random.id(),
    after: (ms, task) => scheduler.after(ms, task),
  };
}

/** And what the server's has: it looks again and again, each time so long after the last. */
export function timeOf({ clock, scheduler }: Environment): Time {
  return {
    now: () => clock.now(),
    every: (ms, task) => {
      let cancel = (): void => undefined;
      const plan = (): void => {
        cancel = scheduler.after(ms, () => {
          plan();
          task();
        });
      };
      plan();
      return () => cancel();
    },
  };
}
