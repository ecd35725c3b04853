import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { once } from "node:events";
import { WireTap, type Tapped } from "./wire-tap.ts";

interface Line {
  readonly client: Socket;
  readonly server: Socket;
}

/**
 * The network between clients and a server, for real: a TCP proxy that can be cut, that can stop to
 * deliver, that blocks WebSockets if told to, and that reads along.
 */
export class Network {
  /** The connections so far, in the order they were opened, as the server's words on them. */
  readonly taps: WireTap[] = [];
  /** Called with each message of the server, before it is passed on. */
  onMessage: (tapped: Tapped) => void = () => undefined;
  /** Called with what comes from the server, and on which of the connections so far, before it is passed on. */
  onBytesDown: (chunk: Buffer, connection: number) => void = () => undefined;
  /** Bytes of TCP, from the server to clients. */
  bytesDown = 0;
  /** Bytes of TCP, from clients to the server. */
  bytesUp = 0;
  /** Whether a request to become a WebSocket is refused, as some companies' proxies do. */
  blocksWebSockets = false;
  readonly #lines = new Set<Line>();
  readonly #door: Server;
  #serverPort: number;
  #isUp = true;
  #isDelivering = true;

  private constructor(door: Server, serverPort: number) {
    this.#door = door;
    this.#serverPort = serverPort;
    door.on("connection", (client) => this.#open(client));
  }

  static async to(serverPort: number): Promise<Network> {
    const door = createServer().listen(0);
    await once(door, "listening");
    return new Network(door, serverPort);
  }

  get url(): string {
    return `http://localhost:${(this.#door.address() as AddressInfo).port}`;
  }

  get connections(): number {
    return this.#lines.size;
  }

  /** From now on, new connections go there. */
  leadTo(serverPort: number): void {
    this.#serverPort = serverPort;
  }

  /** Cuts every connection; new ones are possible at once. */
  cut(): void {
    for (const { client, server } of this.#lines) {
      client.destroy();
      server.destroy();
    }
    this.#lines.clear();
  }

  /** Cuts every connection, and lets none through until it is up again. */
  goDown(): void {
    this.#isUp = false;
    this.cut();
  }

  comeUp(): void {
    this.#isUp = true;
  }

  /** Takes no more bytes from the server, as when a client reads no more. */
  stopDelivering(): void {
    this.#isDelivering = false;
    for (const { server, client } of this.#lines) {
      server.unpipe(client);
      server.pause();
    }
  }

  deliverAgain(): void {
    this.#isDelivering = true;
    for (const { server, client } of this.#lines) server.pipe(client);
  }

  async close(): Promise<void> {
    this.goDown();
    this.#door.close();
    await once(this.#door, "close");
  }

  #open(client: Socket): void {
    if (!this.#isUp) {
      client.destroy();
      return;
    }
    const server = connect(this.#serverPort, "localhost");
    const line = { client, server };
    this.#lines.add(line);
    const tap = new WireTap((tapped) => this.onMessage(tapped));
    const connection = this.taps.push(tap);
    for (const [socket, other] of [
      [client, server],
      [server, client],
    ] as const) {
      socket.setNoDelay(true);
      socket.on("error", () => undefined); // its end is told by "close"
      socket.on("close", () => {
        other.destroySoon();
        this.#lines.delete(line);
      });
    }
    server.on("data", (chunk: Buffer) => {
      this.bytesDown += chunk.length;
      this.onBytesDown(chunk, connection);
      tap.read(chunk);
    });
    client.on("data", (chunk: Buffer) => {
      this.bytesUp += chunk.length;
      if (this.blocksWebSockets && isUpgrade(chunk)) this.#refuse(line);
    });
    if (this.#isDelivering) server.pipe(client);
    else server.pause();
    client.pipe(server);
  }

  #refuse({ client, server }: Line): void {
    client.unpipe(server);
    server.destroy();
    client.end("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
  }
}

function isUpgrade(chunk: Buffer): boolean {
  return /^GET [^\r\n]*\r\n(?:[^\r\n]+\r\n)*upgrade: websocket\r\n/i.test(chunk.toString("latin1"));
}
