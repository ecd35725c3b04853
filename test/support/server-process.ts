import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

const root = join(import.meta.dirname, "../..");
const runner = join(import.meta.dirname, "run-from-source.mjs");

/** A server in a process of its own, so that it can be killed. */
export class ServerProcess {
  readonly port: number;
  readonly #child: ChildProcess;
  readonly #output: Output;

  private constructor(child: ChildProcess, output: Output, port: number) {
    this.#child = child;
    this.#output = output;
    this.port = port;
  }

  /** Runs a file of this project. Resolves once it has printed its port, which `tells` finds. */
  static async start(
    file: string,
    tells: RegExp,
    port = 0,
    env: Readonly<Record<string, string>> = {},
    cwd = root,
  ): Promise<ServerProcess> {
    const child = spawn(process.execPath, [runner, join(root, file)], {
      cwd,
      stdio: ["ignore", "pipe", "pipe"],
      env: {
        ...process.env,
        TS_NODE_PROJECT: join(root, "tsconfig.json"), // wherever it runs
        ...env,
        PORT: String(port),
        NODE_OPTIONS: "",
      },
    });
    const output = { text: "" };
    return new ServerProcess(child, output, await portTold(child, output, tells));
  }

  /** Resolves when it is dead, for whatever reason. */
  get ended(): Promise<unknown> {
    const { exitCode, signalCode } = this.#child;
    return exitCode === null && signalCode === null ? once(this.#child, "exit") : Promise.resolve();
  }

  /** All that it has printed. */
  get output(): string {
    return this.#output.text;
  }

  /** It stands still, as in a machine that is asleep; the system goes on taking what it is sent. */
  pause(): void {
    this.#child.kill("SIGSTOP");
  }

  resume(): void {
    this.#child.kill("SIGCONT");
  }

  /** Null while it runs, and when a signal has ended it. */
  get exitCode(): number | null {
    return this.#child.exitCode;
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** As `kill -9` does it. Resolves when it is dead. */
  async kill(): Promise<void> {
    await this.#end("SIGKILL");
  }

  /** Asks it to end, and resolves with its exit code. */
  async stop(): Promise<number | null> {
    await this.#end("SIGTERM");
    return this.#child.exitCode;
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, "exit");
    this.#child.kill(signal);
    await ended;
  }
}

interface Output {
  text: string;
}

async function portTold(child: ChildProcess, output: Output, tells: RegExp): Promise<number> {
  return new Promise((resolve, reject) => {
    const read = (chunk: unknown): void => {
      output.text += String(chunk);
      const port = tells.exec(output.text)?.[1];
      if (port !== undefined) resolve(Number(port));
    };
    child.stdout?.on("data", read);
    child.stderr?.on("data", read);
    child.once("exit", () => reject(new Error(`the server did not start:\n${output.text}`)));
  });
}
