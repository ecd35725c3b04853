import { expect } from "@jest/globals";
import { Manager } from "socket.io-client";
import type { ObjectSync, ObjectSyncOptions } from "../../client/index.ts";
import { PROTOCOL, type ErrorData } from "../../lib/index.ts";
import type { ObjectSyncServer, ServerOptions } from "../../server/index.ts";
import { eventually } from "./eventually.ts";
import { HELLO, RawClient } from "./raw-client.ts";
import { viewOf, type Stage } from "./stage.ts";

export const TREE = { id: "tree", height: 3 };

/** A server with a tree on it, somebody who minds their own business, and whoever means harm. */
export class HostileScene {
  readonly sync: ObjectSyncServer;
  readonly url: string;
  readonly port: number;
  readonly #stage: Stage;
  readonly #bystander: ObjectSync;
  readonly #disconnects: unknown[] = [];
  #beats = 0;

  private constructor(
    stage: Stage,
    served: Pick<HostileScene, "sync" | "url" | "port">,
    bystander: ObjectSync,
  ) {
    this.#stage = stage;
    this.sync = served.sync;
    this.url = served.url;
    this.port = served.port;
    this.#bystander = bystander;
    bystander.on("disconnect", (reason) => this.#disconnects.push(reason?.code));
  }

  static async open(
    stage: Stage,
    options: ServerOptions = {},
    bystander: ObjectSyncOptions = {},
  ): Promise<HostileScene> {
    const served = await stage.serve(options);
    await served.sync.create(TREE);
    return new HostileScene(stage, served, await stage.join(served.url, bystander));
  }

  /** Somebody who says what they like, once they are welcome or refused. */
  connect(hello: object = {}, options: object = {}): RawClient {
    const client = new RawClient(this.url, { ...HELLO, ...hello }, options);
    this.#stage.afterwards(() => client.close());
    return client;
  }

  /** The same, with a session and all that it is shown. */
  welcomed(hello: object = {}): Promise<RawClient> {
    return this.connect(hello).isWhole();
  }

  /** Somebody who has not said hello. */
  async knock(): Promise<Knocker> {
    const knocker = new Knocker(this.url);
    this.#stage.afterwards(() => knocker.close());
    await knocker.isOpen();
    return knocker;
  }

  /**
   * The world is the tree and `besides`; the bystander has not lost its connection, and still writes and
   * is told; and whoever comes now is let in and sees the same.
   */
  async isUnharmed(
    besides: Readonly<Record<string, object>> = {},
    newcomer: ObjectSyncOptions = {},
  ): Promise<void> {
    this.#beats += 1;
    const written = this.#bystander.update({ id: "tree", beats: this.#beats });
    await written;
    const tree = { ...TREE, beats: this.#beats };
    expect(viewOf(this.sync)).toEqual({ tree, ...besides });
    await eventually(() => this.#bystander.get("tree")?.["beats"] === this.#beats);
    expect(this.#disconnects).toEqual([]);
    const other = await this.#stage.join(this.url, newcomer);
    expect(other.get("tree")).toEqual(tree);
    await other.close();
  }
}

type Refusal = Partial<ErrorData> & { readonly message: string };

/** A connection on which no hello was said, below socket.io. */
export class Knocker {
  readonly #manager: Manager;
  readonly #heard: string[] = [];
  #isOver = false;

  constructor(url: string, path: string = PROTOCOL.defaultPath) {
    const transports = ["websocket"];
    this.#manager = new Manager(url, { path, transports, reconnection: false, autoConnect: false });
    this.#manager.on("close", () => (this.#isOver = true));
  }

  async isOpen(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#manager.open((error) => {
        if (error === undefined) resolve();
        else reject(error);
      });
    });
    this.#manager.engine.on("data", (chunk: unknown) => {
      if (typeof chunk === "string") this.#heard.push(chunk);
    });
  }

  say(text: string): void {
    this.#manager.engine.write(text);
  }

  /** Why the server has no session for what was said. */
  get refusals(): Refusal[] {
    return this.#heard.filter((text) => text.startsWith("4")).map(refusalIn);
  }

  async refusal(): Promise<Refusal> {
    return eventually(() => this.refusals[0]);
  }

  async isEnded(): Promise<void> {
    await eventually(() => this.#isOver);
  }

  close(): void {
    this.#manager.engine.close();
  }
}

/** In socket.io's CONNECT_ERROR: 4/namespace,{"message":...} */
function refusalIn(text: string): Refusal {
  const { message, data } = JSON.parse(text.slice(text.indexOf(",") + 1)) as {
    readonly message: string;
    readonly data?: ErrorData;
  };
  return { message, ...data };
}

/** The code by which a client was refused or sent away. */
export async function codeOfEnd(client: RawClient): Promise<string> {
  const code = await client.until(() => {
    const goodbye = client.messages.find(({ kind }) => kind === "goodbye");
    if (goodbye?.kind === "goodbye") return goodbye.error.code;
    const data = client.connectError?.data as Partial<ErrorData> | undefined;
    return data?.code;
  });
  return code;
}
