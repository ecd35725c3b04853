import { whisperNamespace } from "../kinds.ts";
import { type Arena, type ArenaObject, settle } from "./arena.ts";
import { freshId } from "./fresh-id.ts";
import type { Me } from "./me.ts";
import { line, nameMax, sayMax } from "./read.ts";

/** Somebody to whom one can speak alone. */
export interface Listener {
  readonly id: string;
  readonly name: string;
}

export interface Whisper {
  /** Who else knows of it. */
  readonly other: Listener;
  readonly text: string;
  /** Whether it is I who said it. */
  readonly isMine: boolean;
}

export interface WhisperEvents {
  readonly said: (whisper: Whisper) => void;
  /** They were told nothing: they have left. */
  readonly missed: (listener: Listener) => void;
}

/** How long a whisper stays for who is away for a moment. */
const keptMs = 15_000;

/** What players tell each other alone: objects that the server shows to these two, wherever they are. */
export class Whispers {
  readonly #sync: Arena;
  readonly #me: Me;
  readonly #events: WhisperEvents;

  constructor(sync: Arena, me: Me, events: WhisperEvents) {
    this.#sync = sync;
    this.#me = me;
    this.#events = events;
    sync.namespace(whisperNamespace).on("add", (object) => {
      this.#hear(object);
    });
  }

  tell(other: Listener, text: string): void {
    const { id: from, name } = this.#me;
    const id = freshId(whisperNamespace);
    this.#events.said({ other, text, isMine: true });
    this.#sync.create({ id, from, to: other.id, name, text }).then(
      () => setTimeout(() => settle(this.#sync.destroy(id)), keptMs),
      () => {
        this.#events.missed(other);
      },
    );
  }

  #hear(object: ArenaObject): void {
    const { from } = object;
    const text = line(object["text"], sayMax);
    if (typeof from !== "string" || from === this.#me.id || text === "") return;
    const name = line(object["name"], nameMax) || "Somebody";
    this.#events.said({ other: { id: from, name }, text, isMine: false });
  }
}
