import { Command, Option } from "commander";
import { addAccounts } from "./commands/accounts.ts";
import { backupCommand } from "./commands/backup.ts";
import { exportCommand } from "./commands/export.ts";
import { importCommand } from "./commands/import.ts";
import { newEpochCommand } from "./commands/new-epoch.ts";
import { addPlasmid } from "./commands/plasmid.ts";
import { restoreCommand } from "./commands/restore.ts";
import { version } from "./version.ts";

const STORE = "a SQLite file, or a URL postgres://...";
const REPLACE = "replace what is there; a server that has it open can commit nothing more";

/** The `object-sync` command. */
export function program(): Command {
  const command = new Command("object-sync")
    .description("Looks after the worlds in a store of object-sync.")
    .version(version(), "-v, --version", "print the version")
    .helpOption("-h, --help", "print this help")
    .helpCommand("help [command]", "print the help of a command")
    .showHelpAfterError("(--help tells more)")
    .configureHelp({ showGlobalOptions: false })
    .exitOverride();

  command
    .command("export")
    .summary("write a world as JSON lines")
    .description("Writes a world as JSON lines: a header, then a line for each object.")
    .argument("<store>", STORE)
    .option("-w, --world <name>", "which world", "default")
    .option("-o, --output <file>", "write to a new file instead of the standard output")
    .addHelpText("after", example("export worlds.db --world arena > arena.jsonl"))
    .action(exportCommand);

  command
    .command("import")
    .summary("make a world of JSON lines")
    .description(
      "Makes a world of the lines that export has written: of all of them, or nothing is changed. " +
        "It is a new world: clients get it whole. To put back what was, use backup and restore.",
    )
    .argument("<store>", STORE)
    .argument("<file>", "what export has written, or - for the standard input")
    .option("-w, --world <name>", "under another name than that in the header")
    .option("--replace", REPLACE)
    .addHelpText("after", example("import postgres://localhost/app arena.jsonl --world arena"))
    .action(importCommand);

  command
    .command("backup")
    .summary("copy all worlds into a file, while servers go on")
    .description(
      "Copies all worlds into a new SQLite file, with what was decided on clients' writes. " +
        "Each is as it was at one moment; servers go on meanwhile. The file is itself a store.",
    )
    .argument("<store>", STORE)
    .argument("<file>", "a file that does not exist yet")
    .addHelpText("after", example("backup worlds.db monday.db"))
    .action(backupCommand);

  command
    .command("restore")
    .summary("put all worlds of a backup into a store")
    .description(
      "Puts all worlds of a backup into a store, each under a new epoch of its ledger: clients that " +
        "come back send what it lacks. With --replace, worlds that the backup lacks begin anew.",
    )
    .argument("<file>", "what backup has written")
    .argument("<store>", STORE)
    .option("--replace", REPLACE)
    .addHelpText("after", example("restore monday.db worlds.db --replace"))
    .action(restoreCommand);

  command
    .command("new-epoch")
    .summary("after a database was put back with its own tools")
    .description(
      "Begins a new epoch of each world's ledger, as restore does. Call it after a database was put " +
        "back with its own tools (pg_restore, a copied file), and before a server is started on it: " +
        "otherwise clients that were ahead of it go wrong.",
    )
    .argument("<store>", STORE)
    .addOption(new Option("-w, --world <name>", "one world instead of all"))
    .addHelpText("after", example("new-epoch postgres://localhost/app"))
    .action(newEpochCommand);

  addPlasmid(command);
  addAccounts(command);

  return command;
}

function example(line: string): string {
  return `\nExample:\n  object-sync ${line}`;
}
