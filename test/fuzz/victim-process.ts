import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { Answers } from "./victim.ts";

const root = join(import.meta.dirname, "..", "..");
const runner = join(root, "test", "support", "run-from-source.mjs");
/** A victim that has not answered for so long never will: nothing takes longer than to sweep 12,000 objects away. */
const PATIENCE_MS = 180_000;

interface Question {
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** The server under attack, seen from outside: what it answers, and how it ends. */
export class VictimProcess {
  readonly port: number;
  readonly #child: ChildProcess;
  readonly #output: { text: string };
  readonly #asked = new Map<number, Question>();
  #number = 0;

  private constructor(child: ChildProcess, output: { text: string }, port: number) {
    this.#child = child;
    this.#output = output;
    this.port = port;
    child.on("message", ({ number, answer }: { number: number; answer: unknown }) => {
      this.#asked.get(number)?.resolve(answer);
    });
    child.on("exit", () => {
      for (const { reject } of this.#asked.values()) reject(new Error("the victim has ended"));
    });
  }

  /** With its store in the file `place`. */
  static async start(place: string, fault: string): Promise<VictimProcess> {
    const file = join(root, "test", "fuzz", "victim.ts");
    const child = spawn(process.execPath, [runner, file], {
      cwd: root,
      stdio: ["ignore", "pipe", "pipe", "ipc"],
      serialization: "advanced", // dates and bytes are to be compared
      env: {
        ...process.env,
        TS_NODE_PROJECT: join(root, "tsconfig.json"),
        NODE_OPTIONS: "",
        NODE_ENV: "production",
        PLACE: place,
        FAULT: fault,
      },
    });
    const output = { text: "" };
    const port = await new Promise<number>((resolve, reject) => {
      const read = (chunk: unknown): void => {
        output.text += String(chunk);
        const found = /^port (\d+)$/m.exec(output.text)?.[1];
        if (found !== undefined) resolve(Number(found));
      };
      child.stdout?.on("data", read);
      child.stderr?.on("data", read);
      child.once("exit", () => reject(new Error(`the victim did not start:\n${output.text}`)));
    });
    return new VictimProcess(child, output, port);
  }

  get isOver(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** How it ended, with all that it has printed. */
  get end(): string {
    const { exitCode, signalCode } = this.#child;
    return `exit code ${String(exitCode)}, signal ${String(signalCode)}\n${this.#output.text}`;
  }

  /** Rejects when it is over, or does not answer. */
  async ask<What extends keyof Answers>(what: What): Promise<Answers[What]> {
    if (this.isOver) throw new Error("the victim has ended");
    const number = ++this.#number;
    const answer = new Promise<unknown>((resolve, reject) => {
      this.#asked.set(number, { resolve, reject });
    });
    const timer = setTimeout(() => {
      const message = `the victim has not answered for ${PATIENCE_MS / 1_000} s`;
      this.#asked.get(number)?.reject(new Error(message));
    }, PATIENCE_MS);
    // One that has just ended, and has not been heard of, cannot be asked.
    this.#child.send({ what, number }, (error) => {
      if (error !== null) this.#asked.get(number)?.reject(error);
    });
    try {
      return (await answer) as Answers[What];
    } finally {
      clearTimeout(timer);
      this.#asked.delete(number);
    }
  }

  /** Asks it to end as a server should, and resolves with its exit code. */
  async stop(): Promise<number | null> {
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), PATIENCE_MS);
    await this.#end("SIGTERM");
    clearTimeout(timer);
    return this.#child.exitCode;
  }

  async kill(): Promise<void> {
    await this.#end("SIGKILL");
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    if (this.isOver) return;
    const ended = once(this.#child, "exit");
    this.#child.kill(signal);
    await ended;
  }
}
