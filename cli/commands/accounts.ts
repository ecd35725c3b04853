import { Argument, type Command } from "commander";
import type { Account, Grant } from "../../server/plugins/accounts/index.ts";
import { atHub } from "../hub/with-hub.ts";
import { readSecret } from "../read-secret.ts";

const ACCESS = "the name of the account";
const RESOURCE = 'a database, "foo*" for those whose names begin with foo, or "*" for all';
const PERMISSIONS: readonly string[] = [
  ...["CreateDatabase", "ReadDatabase", "WriteDatabase", "DatabaseQuota"],
  ...["CreateAccount", "ReadAccount"],
];
const PERMISSION = `${PERMISSIONS.join(", ")}, or "*" for all`;

/** `object-sync accounts ...` */
export function addAccounts(program: Command): void {
  const accounts = program
    .command("accounts")
    .summary("who may use a hub, and what they may do there")
    .description(
      "Looks after the accounts of a hub, the directory of `object-sync plasmid`, and what they are " +
        "permitted. A service that runs on the hub goes on, and keeps to it at once.",
    )
    .option("-p, --hub-path <folder>", "the hub directory", "hub")
    .configureHelp({ showGlobalOptions: true });
  const hubPath = (): string => accounts.opts<{ hubPath: string }>().hubPath;
  const permissionArguments = (command: Command): Command =>
    command
      .argument("<access>", ACCESS)
      .argument("<permission>", PERMISSION)
      .argument("<resource>", RESOURCE);

  accounts
    .command("set-secret")
    .description("makes an account, or gives one another secret: asked for unless it is given")
    .argument("<access>", ACCESS)
    .addArgument(new Argument("[secret]", "others can see it: better leave it out"))
    .action(async (access: string, given?: string) => {
      const isNew = await atHub(hubPath(), "setSecret", access, given ?? (await readSecret()));
      console.log(isNew === true ? `made the account ${access}` : `${access} has another secret`);
    });

  accounts
    .command("list")
    .description("the accounts by name")
    .action(async () => {
      for (const { name } of (await atHub(hubPath(), "list")) as Account[]) console.log(name);
    });

  accounts
    .command("remove")
    .description("removes an account, and all that it was granted")
    .argument("<access>", ACCESS)
    .action(async (access: string) => {
      await atHub(hubPath(), "remove", access);
      console.log(`removed the account ${access}`);
    });

  permissionArguments(accounts.command("grant"))
    .description("gives an account a permission")
    .argument("[value]", "bytes, for DatabaseQuota", "Yes")
    .action(async (access: string, permission: string, resource: string, value: string) => {
      await atHub(hubPath(), "grant", access, permission, resource, value);
      console.log(`${access} has ${permission} on ${resource}: ${value}`);
      if (permission === "*" || PERMISSIONS.includes(permission)) return;
      const asked = `Plasmid Sync never asks about ${permission}, only about ${PERMISSIONS.join(", ")}`;
      console.error(`object-sync: ${asked}. (For all, write "*" with its quotes.)`);
    });

  permissionArguments(accounts.command("revoke"))
    .description("takes back what was granted in these very words")
    .action(async (access: string, permission: string, resource: string) => {
      await atHub(hubPath(), "revoke", access, permission, resource);
      console.log(`${access} has ${permission} on ${resource} no longer by this grant`);
    });

  accounts
    .command("permissions")
    .description("all that an account was granted")
    .argument("<access>", ACCESS)
    .action(async (access: string) => {
      for (const grant of (await atHub(hubPath(), "grants", access)) as Grant[]) {
        console.log(`${grant.permission}\t${grant.resource}\t${grant.value}`);
      }
    });

  permissionArguments(accounts.command("check"))
    .description("whether an account has a permission: prints its value, or No with exit code 1")
    .action(async (access: string, permission: string, resource: string) => {
      const grant = await atHub(hubPath(), "permits", access, permission, resource);
      console.log((grant as Grant | null)?.value ?? "No");
      if (grant === null) process.exitCode = 1;
    });
}
