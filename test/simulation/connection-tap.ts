import type { Limits } from "../../lib/limits.ts";
import {
  decodeClientMessage,
  decodeServerMessage,
  type ClientMessage,
  type DeltaMessage,
  type ServerMessage,
} from "../../lib/messages.ts";
import { decodeMutation } from "../../lib/mutation-codec.ts";
import type { Mutation } from "../../lib/operation.ts";
import { ShapeDictionary } from "../../lib/shape-codec.ts";
import { byHandle, type Audit } from "./audit.ts";
import type { Checks } from "./checks.ts";
import type { Expected } from "./mirror.ts";
import type { Wiretap } from "./connection.ts";
import type { ServerOracle } from "./server-oracle.ts";

/** A client may hear of these although no store keeps them: nothing happened. */
const UNKEPT_CODES: ReadonlySet<string> = new Set(["unavailable", "mutation_mismatch"]);

interface Told {
  readonly message: ServerMessage;
  /** Let go when it was looked at: it holds all that the client is to have. */
  expected: Expected | undefined;
}

interface TapOptions {
  readonly clientId: string;
  /** Where the client was before it connected. */
  readonly cursorSeq: number;
  readonly limits: Limits;
  readonly checks: Checks;
  readonly oracle: ServerOracle;
  /** Whether the client's credentials have expired, and not in this moment. */
  readonly isExpired: () => boolean;
  /** What the server holds. */
  readonly objects: () => Iterable<{ readonly id: string }>;
  /** Undefined when the client is shown all that there is. */
  readonly audit: Audit | undefined;
  /** The server was given a write; objects may have {@link byHandle} for ids. */
  readonly onWrite: ((write: Mutation) => void) | undefined;
  /** The client was given a message; it is refused when the client ended the link for it. */
  readonly onDelivered: (
    message: ServerMessage,
    isRefused: boolean,
    expected: Expected | undefined,
  ) => void;
  readonly trace: (what: string) => void;
}

/** Reads what a server tells one client: none of it may be ahead of the store, or pile up. */
export class ConnectionTap implements Wiretap {
  readonly #options: TapOptions;
  readonly #dictionary: ShapeDictionary;
  readonly #clientsDictionary: ShapeDictionary;
  readonly #messages: Told[] = [];
  #epoch = "";
  /** Where the client is, once it has read all that was sent. */
  #position: number;
  /** Answers to fetches are bounded by how many the client may ask for; greetings come once. */
  #uncappedBytes = 0;
  #largestDelta = 0;
  #largestHead = 0;

  constructor(options: TapOptions) {
    this.#options = options;
    this.#position = options.cursorSeq;
    this.#dictionary = new ShapeDictionary(options.limits);
    this.#clientsDictionary = new ShapeDictionary(options.limits);
  }

  heard(bytes: Uint8Array): void {
    const { audit, limits, onWrite } = this.#options;
    if (audit === undefined && onWrite === undefined) return;
    try {
      const message = decodeClientMessage(bytes, this.#clientsDictionary, limits);
      const writes = this.#writesIn(message);
      for (const write of writes) onWrite?.(write);
      audit?.heard(message, writes);
    } catch {
      return; // the server cannot read it either
    }
  }

  /** An object's handle says nothing of its id. */
  #writesIn(message: ClientMessage): readonly Mutation[] {
    if (message.kind !== "mutations") return [];
    const { limits } = this.#options;
    return message.mutations.flatMap((bytes, i) => {
      const n = message.first + i;
      const mutation = decodeMutation(n, bytes, this.#clientsDictionary, limits, byHandle);
      return "problem" in mutation ? [] : [mutation];
    });
  }

  /** `headBytes` tell of what is this client's own: the outcomes of its writes, and names. */
  sent(bytes: Uint8Array, headBytes: number, waitingBytes: number): void {
    const { limits, checks, clientId } = this.#options;
    const message = decodeServerMessage(bytes, this.#dictionary, limits);
    const expected = this.#options.audit?.sent(message, bytes);
    this.#messages.push({ message, expected });
    if (message.kind !== "delta") this.#uncappedBytes += bytes.length;
    else {
      this.#largestDelta = Math.max(this.#largestDelta, bytes.length);
      this.#largestHead = Math.max(this.#largestHead, headBytes);
    }
    const paged = limits.pageBytes + this.#largestDelta;
    const flushed = limits.waitingBytesMax + this.#largestHead;
    const heldMax = Math.max(flushed, paged) + this.#uncappedBytes;
    checks.check(waitingBytes <= heldMax, "G18", () => {
      return `${waitingBytes} bytes wait for ${clientId}, of at most ${heldMax}`;
    });
    checks.check(message.kind === "goodbye" || !this.#options.isExpired(), "G16", () => {
      return `${clientId} is told something although its credentials have expired`;
    });
    if (message.kind === "welcome") {
      this.#epoch = message.epoch;
      if (!message.isResumed) this.#position = 0;
    }
    if (message.kind === "delta") {
      this.#checkOrder(message);
      this.#checkDelta(message);
    }
  }

  delivered(index: number, isRefused: boolean): void {
    const told = this.#messages[index];
    if (told === undefined) return;
    const { message, expected } = told;
    told.expected = undefined;
    if (message.kind === "goodbye") this.#options.checks.saw(`goodbye ${message.error.code}`);
    this.#options.trace(`<- ${summary(message)}${isRefused ? " (refused)" : ""}`);
    this.#options.onDelivered(message, isRefused, expected);
  }

  /** Whatever the network makes of it: what is told goes on from what was told before. */
  #checkOrder({ delta: { from, to } }: DeltaMessage): void {
    const { checks, clientId } = this.#options;
    const position = this.#position;
    checks.check(from <= position && to >= position, "G2", () => {
      return `${clientId} is sent a delta from ${from} to ${to}, at ${position}`;
    });
    this.#position = to;
  }

  #checkDelta({ delta, isWhole, outcomes }: DeltaMessage): void {
    const { checks, oracle, clientId, audit } = this.#options;
    const epoch = oracle.epoch(this.#epoch);
    const kept = (epoch?.seq ?? 0) + (oracle.hasEphemeral ? 1 : 0); // their end is one commit
    oracle.told(this.#epoch, delta.to);
    checks.check(delta.to <= kept, "G5", () => `${clientId} is told of ${delta.to} at ${kept}`);
    checks.check(isWhole || outcomes.length === 0, "G12", () => {
      return `${clientId} is told an outcome in the middle of a page`;
    });
    // Of a part nothing may have changed for long, and then it is told of an earlier `seq`.
    const isOfAll = isWhole && audit === undefined;
    if (isOfAll && oracle.hasEphemeral) epoch?.noteEphemeral(delta.to, this.#options.objects());
    for (const { n, outcome } of outcomes) {
      const decision = epoch?.decisionOf(clientId, n);
      const isForgotten = epoch?.isForgotten(clientId) === true;
      // It may be of such objects alone.
      if (oracle.hasEphemeral && (decision === undefined || isForgotten)) continue;
      const isUnkept = outcome.kind === "rejected" && UNKEPT_CODES.has(outcome.error.code);
      if (!isUnkept || (decision !== undefined && !isForgotten)) {
        checks.check(decision?.outcome.kind === outcome.kind, "G5", () => {
          const told = outcome.kind === "rejected" ? outcome.error.code : outcome.kind;
          return `${clientId} is told that ${n} is ${told}; kept is ${decision?.outcome.kind}`;
        });
      }
    }
  }
}

function summary(message: ServerMessage): string {
  switch (message.kind) {
    case "welcome":
      return `welcome ${message.epoch}/${message.seq} decided ${message.decided}${message.isResumed ? " resumed" : ""}`;
    case "delta": {
      const { delta, outcomes, isWhole } = message;
      const decided = outcomes.map(
        ({ n, outcome }) => `${n}${outcome.kind === "accepted" ? "+" : "-"}`,
      );
      return `delta ${delta.from}..${delta.to} ${delta.changes.length} changes${isWhole ? " whole" : ""} [${decided.join(" ")}]`;
    }
    case "fetched":
      return `fetched ${message.request} at ${message.seq}`;
    case "goodbye":
      return `goodbye ${message.error.code}${message.reconnect ? "" : " for good"}`;
  }
}
