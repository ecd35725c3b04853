import { io, type Socket } from "socket.io-client";
import * as parser from "socket.io-parser";
import { DEFAULT_LIMITS, PROTOCOL } from "../../lib/index.ts";
import { decodeServerMessage, type ServerMessage } from "../../lib/messages.ts";
import { binaryParser } from "../../lib/socket-parser.ts";
import { ShapeDictionary } from "../../lib/shape-codec.ts";

/** What a client says first; every part can be replaced to say something wrong. */
export const HELLO = {
  version: PROTOCOL.version,
  world: "default",
  clientId: "a-raw-client-of-the-tests",
  cursor: { epoch: "", seq: 0 },
  auth: null,
};

/** A client that speaks the protocol by hand, so that it can say what no proper client would. */
export class RawClient {
  readonly socket: Socket;
  readonly messages: ServerMessage[] = [];
  #listeners: (() => void)[] = [];
  #isOver = false;
  connectError: (Error & { data?: unknown }) | undefined;

  constructor(url: string, auth: object = HELLO, options: object = {}) {
    this.socket = io(url + PROTOCOL.defaultNamespace, {
      path: PROTOCOL.defaultPath,
      transports: ["websocket"],
      reconnection: false,
      forceNew: true,
      auth,
      parser: binaryParser<parser.Encoder, parser.Decoder>(
        parser,
        PROTOCOL.event,
        PROTOCOL.defaultNamespace,
        () => true,
        () => false,
      ),
      ...options,
    });
    const dictionary = new ShapeDictionary(DEFAULT_LIMITS);
    this.socket.on(PROTOCOL.event, (data: ArrayBuffer | Uint8Array) => {
      this.messages.push(decodeServerMessage(new Uint8Array(data), dictionary, DEFAULT_LIMITS));
      this.#changed();
    });
    this.socket.on("disconnect", () => this.#over());
    this.socket.on("connect_error", (error) => {
      this.connectError = error;
      this.#over();
    });
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Sends bytes as one message of ours. */
  send(bytes: Uint8Array | readonly number[]): void {
    this.socket.io.engine.write(Uint8Array.from(bytes));
  }

  /** Sends text as it is, below socket.io. */
  sendText(text: string): void {
    this.socket.io.engine.write(text);
  }

  /** Waits until `find` finds something. */
  async until<Found>(find: () => Found | undefined | false): Promise<Found> {
    for (;;) {
      const found = find();
      if (found !== undefined && found !== false) return found;
      if (this.#isOver) {
        const last = find();
        if (last !== undefined && last !== false) return last;
        throw new Error(`the connection ended before: ${JSON.stringify(this.messages)}`);
      }
      await new Promise<void>((resolve) => this.#listeners.push(resolve));
    }
  }

  /** Waits until it has been told all that it is shown. */
  async isWhole(): Promise<this> {
    await this.until(() => this.messages.some((one) => one.kind === "delta" && one.isWhole));
    return this;
  }

  /** The code of the server's goodbye. */
  async goodbye(): Promise<string> {
    const goodbye = await this.until(() => this.messages.find(({ kind }) => kind === "goodbye"));
    return goodbye.kind === "goodbye" ? goodbye.error.code : "";
  }

  close(): void {
    this.socket.disconnect();
    this.socket.io.engine.close();
  }

  #over(): void {
    this.#isOver = true;
    this.#changed();
  }

  #changed(): void {
    for (const listener of this.#listeners.splice(0)) listener();
  }
}
