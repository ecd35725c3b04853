import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { eventually } from "./eventually.ts";

interface Line {
  readonly client: Socket;
  readonly server: Socket;
  /** What the client has sent and the server has not been given; undefined when all passes. */
  kept: Buffer[] | undefined;
}

/**
 * A network, as a TCP proxy, in which what was sent before a connection broke arrives long after: the
 * client has given the connection up, and the server knows nothing of that.
 */
export class LateNetwork {
  readonly #door: Server;
  readonly #lines: Line[] = [];

  private constructor(door: Server, serverPort: number) {
    this.#door = door;
    door.on("connection", (client) => this.#open(client, serverPort));
  }

  static async to(serverPort: number): Promise<LateNetwork> {
    const door = createServer().listen(0);
    await once(door, "listening");
    return new LateNetwork(door, serverPort);
  }

  get port(): string {
    return String((this.#door.address() as AddressInfo).port);
  }

  /** From now on, what comes on the connections that there are is kept back. */
  keepBack(): void {
    for (const line of this.#lines) line.kept ??= [];
  }

  /** Breaks these connections for the client, once something was sent on one. */
  async breakForClient(): Promise<void> {
    await eventually(() => this.#lines.some(({ kept = [] }) => kept.length > 0));
    for (const { client, kept } of this.#lines) if (kept !== undefined) client.destroy();
  }

  /** Gives the server what was kept back, and waits until it has dealt with that. */
  async deliverLate(): Promise<void> {
    for (const { server, kept = [] } of this.#lines) {
      if (kept.length === 0) continue;
      const dealtWith = once(server, "close");
      for (const chunk of kept.splice(0)) server.write(chunk);
      server.end(); // it reads to the end before it closes
      await dealtWith;
    }
  }

  async close(): Promise<void> {
    for (const { client, server } of this.#lines) {
      client.destroy();
      server.destroy();
    }
    this.#door.close();
    await once(this.#door, "close");
  }

  #open(client: Socket, serverPort: number): void {
    const line: Line = { client, server: connect(serverPort, "localhost"), kept: undefined };
    const { server } = line;
    this.#lines.push(line);
    for (const socket of [client, server]) socket.on("error", () => undefined);
    client.on("data", (chunk: Buffer) => {
      if (line.kept === undefined) server.write(chunk);
      else line.kept.push(chunk);
    });
    server.on("data", (chunk: Buffer) => {
      if (!client.destroyed) client.write(chunk);
    });
    client.on("close", () => {
      if (line.kept === undefined) server.end();
    });
    server.on("close", () => client.destroy());
  }
}
