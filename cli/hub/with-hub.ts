import { existsSync } from "node:fs";
import { SyncError } from "../../lib/index.ts";
import { administer, type AdminName } from "./admin.ts";
import { openHub } from "./open-hub.ts";
import { askService, serviceOf } from "./running-service.ts";

/** Does something to a hub, or has the service do it that has the hub open. Throws `not_found`. */
export async function atHub(hubPath: string, name: AdminName, ...args: string[]): Promise<unknown> {
  // Whoever sets a secret or a note may be the first to come.
  if (!existsSync(hubPath) && name !== "setSecret" && name !== "setMeta") {
    throw new SyncError("not_found", `there is no hub directory ${hubPath}`);
  }
  const service = serviceOf(hubPath);
  const answer = service && (await askService(service, name, args));
  if (answer !== undefined) return answer.result;
  const hub = await openHub(hubPath);
  try {
    return await administer(hub, name, args);
  } finally {
    await hub.sync.close();
  }
}
