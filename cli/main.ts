#!/usr/bin/env node
import { CommanderError } from "commander";
import { complain } from "./complain.ts";
import { program } from "./program.ts";

// Whoever reads what is printed, as `head`, may have had enough.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
});

/** Exit codes: 0 done, 1 refused and nothing changed, 2 not understood. */
try {
  await program().parseAsync();
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2;
  else {
    complain(error);
    process.exitCode = 1;
  }
}
