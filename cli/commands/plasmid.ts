import { InvalidArgumentError, type Command } from "commander";
import { SyncError } from "../../lib/index.ts";
import { closeOnSignals } from "../../server/index.ts";
import { tell } from "../complain.ts";
import { openHub } from "../hub/open-hub.ts";
import { askService, serviceOf, takeCommands } from "../hub/running-service.ts";
import { atHub } from "../hub/with-hub.ts";

interface Options {
  readonly hubPath: string;
  readonly port: number;
  readonly host?: string;
  readonly origin?: readonly string[];
  readonly signUp?: boolean;
}

/** `object-sync plasmid ...` */
export function addPlasmid(program: Command): void {
  const plasmid = program
    .command("plasmid")
    .summary("serve Plasmid Sync")
    .description(
      "Serves Plasmid Sync, at /v1/ and /plasmid/, with its databases in a hub directory, which is made " +
        "if there is none. Make an account first: object-sync accounts set-secret --help",
    )
    .option("-p, --hub-path <folder>", "the hub directory", "hub")
    .option("--port <number>", "0 finds a free one", portOf, 8_880)
    .option("--host <host>", "where to listen; everywhere unless given")
    .option(
      "--origin <origins...>",
      "pages that may use it besides its own, as https://example.com",
    )
    .option("--sign-up", "let anybody make an account, with a database of its own")
    .configureHelp({ showGlobalOptions: true })
    .action(() => serve(plasmid.opts<Options & { port: number }>()));
  const hubPath = (): string => plasmid.opts<Options>().hubPath;

  plasmid
    .command("get-meta")
    .description("prints what was noted of the hub under a name")
    .argument("<name>")
    .action(async (name: string) => {
      const value = await atHub(hubPath(), "getMeta", name);
      if (value === null) throw new SyncError("not_found", `nothing was noted under ${name}`);
      console.log(value);
    });

  plasmid
    .command("set-meta")
    .description("notes something of the hub under a name")
    .argument("<name>")
    .argument("<value>")
    .action(async (name: string, value: string) => {
      await atHub(hubPath(), "setMeta", name, value);
      console.log(`noted ${name}`);
    });
}

async function serve({ hubPath, port, host, origin, signUp }: Options): Promise<void> {
  const other = serviceOf(hubPath);
  if (other !== undefined && (await askService(other, "list", [])) !== undefined) {
    const message = `a service has the hub ${hubPath} open already, on port ${String(other.port)}`;
    throw new SyncError("unavailable", message);
  }
  const hub = await openHub(hubPath, { origins: origin, signUp });
  hub.onError((error) => {
    tell(error);
    if (error.code === "deposed") process.exit(1); // it could answer nothing any more
  });
  const note = takeCommands(hub, hubPath);
  let used: number;
  try {
    used = await hub.sync.listen(port, host);
  } catch (error) {
    await hub.sync.close();
    throw error;
  }
  note(used, host);
  closeOnSignals(hub.sync);
  console.log(
    `Plasmid Sync is at http://localhost:${String(used)}/plasmid/, its hub is ${hubPath}`,
  );
  if ((await hub.accounts.list()).length > 0) return;
  console.log("there is no account yet: object-sync accounts set-secret NAME");
}

function portOf(text: string): number {
  const port = Number(text);
  if (/^\d+$/.test(text) && port <= 65_535) return port;
  throw new InvalidArgumentError("A port is a whole number from 0 to 65535.");
}
