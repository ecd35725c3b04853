import { SyncError } from "../../lib/index.ts";
import type { OpenHub } from "./open-hub.ts";

/** What is done to a hub, by the process that has it open. All of it can travel as JSON. */
type AdminCommand = (hub: OpenHub, ...args: string[]) => Promise<unknown>;

const COMMANDS = {
  /** Tells whether the account is new. */
  setSecret: async ({ accounts, plasmid }, access = "", secret = "") => {
    const all = await accounts.list();
    const isNew = all.every(({ name }) => name !== access);
    if (isNew) plasmid.checkAccess(access);
    if (isNew) await accounts.create(access, secret);
    else await accounts.setSecret(access, secret);
    return isNew;
  },
  remove: ({ accounts }, access = "") => accounts.remove(access),
  list: ({ accounts }) => accounts.list(),
  grant: async (
    { accounts, plasmid },
    access = "",
    permission = "",
    resource = "",
    value = "Yes",
  ) => {
    plasmid.checkGrant(permission, value);
    await accounts.grant(access, permission, resource, value);
  },
  revoke: ({ accounts }, access = "", permission = "", resource = "") =>
    accounts.revoke(access, permission, resource),
  grants: ({ accounts }, access = "") => accounts.grants(access),
  permits: ({ accounts }, access = "", permission = "", resource = "") =>
    accounts.permits(access, permission, resource),
  getMeta: ({ plasmid }, property = "") => plasmid.getMeta(property),
  setMeta: ({ plasmid }, property = "", value = "") => plasmid.setMeta(property, value),
} satisfies Record<string, AdminCommand>;

export type AdminName = keyof typeof COMMANDS;

/** Throws `unsupported`: another version of the command may know more. */
export async function administer(
  hub: OpenHub,
  name: string,
  args: readonly string[],
): Promise<unknown> {
  if (!Object.hasOwn(COMMANDS, name)) throw new SyncError("unsupported", `there is no ${name}`);
  const command: AdminCommand = COMMANDS[name as AdminName];
  return (await command(hub, ...args)) ?? null;
}
