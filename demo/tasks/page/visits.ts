import type { SyncError, SyncResult } from "../../../client/index.ts";
import type { Tasks } from "./open.ts";
import { awayWords, refusalWords, resultWords, wordsOf } from "./words.ts";

const AUTO_EVERY_MS = 4_000;
const settingId = "setting:network";

interface Setting {
  readonly isAway: boolean;
  readonly isAuto: boolean;
}

/** How the last sync went, in words. */
export interface Outcome {
  readonly isError: boolean;
  readonly text: string;
}

/**
 * Goes to the server by hand or by itself, or not at all while the device plays that it has no network.
 * The two switches are kept on the device, as an object that is not synced.
 */
export class Visits {
  readonly #sync: Tasks;
  readonly #changed: () => void;
  #progress: SyncResult | undefined;
  /** What the server has refused: to be read until a later sync sends something, or is asked for by hand. */
  #refused: SyncError | undefined;
  #isNewlyRefused = false;
  #outcome: Outcome = { isError: false, text: "Not synced yet" };

  constructor(sync: Tasks, changed: () => void) {
    this.#sync = sync;
    this.#changed = changed;
    sync.on("progress", (progress) => (this.#progress = progress));
    sync.on("status", (status) => {
      if (status === "connecting") this.#progress = undefined;
      if (status === "synced") this.#progress ??= { pulled: 0, pushed: 0 };
      if (status === "offline") this.#arrived();
      changed();
    });
    sync.on("error", (error) => this.#failed(error));
    sync.on("reject", (error) => {
      if (error.code === "conflict") return; // what a person left to the others is no error
      this.#refused = error;
      this.#isNewlyRefused = true;
    });
    addEventListener("online", () => this.#goOn());
  }

  get setting(): Setting {
    return this.#sync.get(settingId) ?? { isAway: false, isAuto: true };
  }

  get isUnderWay(): boolean {
    return this.#sync.status !== "offline";
  }

  get outcome(): Outcome {
    return this.#outcome;
  }

  /** Begins as the device was left. */
  begin(): void {
    this.#goOn();
  }

  sync(): void {
    if (this.setting.isAway) {
      this.#say({ isError: true, text: awayWords });
      return;
    }
    this.#refused = undefined;
    this.#go();
  }

  set(changes: Partial<Setting>): void {
    const setting = { ...this.setting, ...changes };
    const write = { id: settingId, isAway: setting.isAway, isAuto: setting.isAuto } as const;
    if (this.#sync.get(settingId) === undefined) void this.#sync.create(write);
    else void this.#sync.update(write);
    if (setting.isAway) this.#sync.disconnect();
    this.#goOn();
    this.#changed();
  }

  #goOn(): void {
    const { isAway, isAuto } = this.setting;
    this.#sync.autoSync(isAuto && !isAway ? AUTO_EVERY_MS : 0);
    if (isAuto && !isAway) this.#go();
    else if (isAway) this.#say({ isError: false, text: awayWords });
    else if (this.#outcome.text === awayWords) this.#say({ isError: false, text: "Online again" });
  }

  #go(): void {
    this.#sync.sync().catch((error: unknown) => this.#failed(error as SyncError));
  }

  #arrived(): void {
    if (this.#progress === undefined) return; // it never got there, and an error says why
    const { pulled, pushed } = this.#progress;
    this.#progress = undefined;
    if (pushed > 0 && !this.#isNewlyRefused) this.#refused = undefined;
    this.#isNewlyRefused = false;
    if (this.#refused !== undefined) {
      this.#say({ isError: true, text: refusalWords(this.#refused) });
      return;
    }
    this.#say({ isError: false, text: resultWords(new Date(), pulled, pushed) });
  }

  #failed(error: SyncError): void {
    const { isAway } = this.setting; // and then it is as it was asked for
    this.#say({ isError: !isAway, text: isAway ? awayWords : wordsOf(error) });
  }

  #say(outcome: Outcome): void {
    this.#outcome = outcome;
    this.#changed();
  }
}
