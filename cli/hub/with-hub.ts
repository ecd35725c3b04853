import { existsSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";
import { SyncError } from "../../lib/index.ts";
import { administer, type AdminName } from "./admin.ts";
import { hubFile, openHub } from "./open-hub.ts";
import { askService, serviceOf } from "./running-service.ts";

const ATTEMPTS = 10;
const PAUSE_MS = 100;

/** Does something to a hub, or has the service do it that has the hub open. Throws `not_found`. */
export async function atHub(hubPath: string, name: AdminName, ...args: string[]): Promise<unknown> {
  // Whoever sets a secret or a note may be the first to come.
  if (name !== "setSecret" && name !== "setMeta") checkIsThere(hubPath);
  for (let attempt = 1; ; attempt++) {
    const service = serviceOf(hubPath);
    const answer = service && (await askService(service, name, args));
    if (answer !== undefined) return answer.result;
    try {
      return await byOneself(hubPath, name, args);
    } catch (error) {
      // Another command has opened it meanwhile, or a service; and nothing was done.
      const isOutrun = error instanceof SyncError && error.code === "deposed";
      if (!isOutrun || attempt === ATTEMPTS) throw error;
      await wait(PAUSE_MS * attempt * (1 + Math.random()));
    }
  }
}

function checkIsThere(hubPath: string): void {
  if (existsSync(hubFile(hubPath))) return;
  const remedy = 'make one with "object-sync accounts set-secret"';
  throw new SyncError("not_found", `there is no hub in ${hubPath}: ${remedy}`);
}

async function byOneself(hubPath: string, name: AdminName, args: string[]): Promise<unknown> {
  const hub = await openHub(hubPath);
  hub.onError(() => undefined); // what fails is thrown as well
  try {
    return await administer(hub, name, args);
  } finally {
    await hub.sync.close();
  }
}
