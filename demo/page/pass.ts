import type { Pass } from "../pass.ts";

const againMs = 1000;

/**
 * Asks the server for a pass, again and again if it must. It is kept in this page alone: a second tab,
 * or the same one reloaded, is another player.
 */
export async function takePass(): Promise<Pass> {
  for (;;) {
    try {
      const response = await fetch("pass");
      if (response.ok) return (await response.json()) as Pass;
    } catch (error) {
      console.info("No pass yet:", error);
    }
    await new Promise((resolve) => setTimeout(resolve, againMs));
  }
}
