import type { Value } from "../../lib/object.ts";
import type { SeededRandom } from "../simulation/random.ts";
import { Honest, type HonestOptions } from "./honest.ts";
import { ADMIN, ARENA } from "./victim-world.ts";

const HASTY = { retryDelayMinMs: 10, retryDelayMaxMs: 100 };

/** Those who use the server as they should while it is attacked, each in another way. */
export async function someHonest(
  port: number,
  secrets: readonly Value[],
  random: SeededRandom,
): Promise<Honest[]> {
  const limits = HASTY;
  const everything = { world: "default", secrets };
  const all: HonestOptions[] = [
    { ...everything, user: "ann", client: { limits, transports: ["websocket"] } },
    { ...everything, user: "bob", client: { limits, transports: ["polling"] } },
    { ...everything, user: ADMIN, client: { limits, optimistic: false } },
    {
      ...everything,
      user: "cara",
      client: { limits, subscribe: [{ namespace: "note" }, { query: { by: "ann" } }] },
      isAsked: ({ id, by }) => id.startsWith("note:") || by === "ann",
    },
    { ...everything, world: ARENA, user: "dave", client: { limits }, isDirected: true },
  ];
  return Promise.all(all.map((one) => Honest.open(port, one, random.fork(one.user))));
}
