import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import type { ContestantName } from "../contestants/index.ts";
import type { CrowdMethods } from "../processes/crowd.ts";
import { remote, type Methods, type Remote } from "../processes/rpc.ts";
import type { ServerMethods } from "../processes/server.ts";

const SERVER_CORE = 0;
const CROWD_CORE = 1;
/** Where there is no third core, the system gives the few their turn between the many. */
const WITNESS_CORE = availableParallelism() > 2 ? 2 : CROWD_CORE;

/** Whether the two processes can be kept on a core each. */
export const canPin =
  spawnSync("taskset", ["-c", `${SERVER_CORE},${CROWD_CORE}`, "true"]).status === 0;

/** One contestant's server in one process, and all its clients, or nearly all, in another. */
export class Stage {
  readonly contestant: ContestantName;
  readonly server: Remote<ServerMethods>;
  readonly crowd: Remote<CrowdMethods>;
  readonly #profileDir: string | undefined;
  readonly #children: ChildProcess[];

  /** `profileDir`: where to write CPU profiles of both. */
  constructor(contestant: ContestantName, profileDir?: string) {
    this.contestant = contestant;
    this.#profileDir = profileDir;
    const server = start("server", contestant, SERVER_CORE, this.#profileOptions("server"));
    const crowd = this.#startCrowd("crowd", CROWD_CORE);
    this.server = remote<ServerMethods & Methods>(server, "server");
    this.crowd = remote<CrowdMethods & Methods>(crowd, "crowd");
    this.#children = [server, crowd];
  }

  /** Another process of clients: few, so that what they are told does not wait until all others were. */
  openWitnesses(): Remote<CrowdMethods> {
    const witnesses = this.#startCrowd("witnesses", WITNESS_CORE);
    this.#children.push(witnesses);
    return remote<CrowdMethods & Methods>(witnesses, "witnesses");
  }

  /** Ends both processes, whatever they are doing. */
  async close(): Promise<void> {
    await Promise.all(this.#children.map(end));
  }

  #startCrowd(name: string, core: number): ChildProcess {
    const options = ["--max-old-space-size=12000", ...this.#profileOptions(name)];
    return start("crowd", this.contestant, core, options);
  }

  #profileOptions(name: string): string[] {
    if (this.#profileDir === undefined) return [];
    const file = `${this.contestant}-${Date.now()}-${name}.cpuprofile`;
    return ["--cpu-prof", `--cpu-prof-dir=${this.#profileDir}`, `--cpu-prof-name=${file}`];
  }
}

function start(
  name: "server" | "crowd",
  contestant: ContestantName,
  core: number,
  options: readonly string[],
): ChildProcess {
  const script = join(import.meta.dirname, `${name}.js`);
  const command = [process.execPath, "--expose-gc", ...options, script, contestant];
  const [program = "", ...args] = canPin ? ["taskset", "-c", `${core}`, ...command] : command;
  // What a library prints there, as Colyseus does, is no error. Both run as in production: that is how everyone else's numbers are meant, too.
  const env = { ...process.env, NODE_ENV: "production" };
  return spawn(program, args, { stdio: ["ignore", "ignore", "inherit", "ipc"], env });
}

/** Losing its channel ends the process; see `offer`. */
async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once("exit", resolve));
  if (child.connected) child.disconnect();
  const timer = setTimeout(() => child.kill("SIGKILL"), 3000);
  await ended;
  clearTimeout(timer);
}
