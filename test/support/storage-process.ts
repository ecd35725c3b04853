import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { Elsewhere } from "../../client/testing/index.ts";
import { RemoteStorage, type StorageAnswer, type StorageCall } from "./remote-storage.ts";

const runner = join(import.meta.dirname, "run-from-source.mjs");
const child = join(import.meta.dirname, "file-storage-child.ts");

type Answer = StorageAnswer & { readonly id: number };

/** A file storage in a process of its own, so that it can be killed. What it had not answered then stays open. */
export class StorageProcess implements Elsewhere {
  readonly storage: RemoteStorage;
  readonly #process: ChildProcess;
  readonly #asked = new Map<number, (answer: StorageAnswer) => void>();
  #lastId = 0;

  private constructor(process: ChildProcess) {
    this.#process = process;
    this.storage = new RemoteStorage((call) => this.#ask(call));
    process.on("message", ({ id, ...answer }: Answer) => {
      this.#asked.get(id)?.(answer);
      this.#asked.delete(id);
    });
  }

  /** Another `execPath` gets the arguments that Node would, and Node itself as NODE_EXECUTABLE. */
  static async start(file: string, execPath = process.execPath): Promise<StorageProcess> {
    const started = fork(runner, [child], {
      env: { ...process.env, FILE: file, NODE_OPTIONS: "", NODE_EXECUTABLE: process.execPath },
      execPath,
      execArgv: [],
    });
    await once(started, "message");
    return new StorageProcess(started);
  }

  /** As `kill -9` does it. Resolves when it is dead. */
  async end(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const ended = once(this.#process, "exit");
    this.#process.kill("SIGKILL");
    await ended;
  }

  #ask(call: StorageCall): Promise<StorageAnswer> {
    const id = ++this.#lastId;
    return new Promise((resolve) => {
      this.#asked.set(id, resolve);
      this.#process.send({ id, call }, () => undefined); // one that was killed hears nothing more
    });
  }
}
