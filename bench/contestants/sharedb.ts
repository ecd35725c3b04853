import { once } from "node:events";
import type { AddressInfo } from "node:net";
import WebSocketJSONStream from "@teamwork/websocket-json-stream";
import ShareDB from "sharedb";
import { Connection, type Doc, type Query } from "sharedb/lib/client/index.js";
import { WebSocket, WebSocketServer } from "ws";
import {
  thing,
  thingId,
  type Player,
  type PlayerId,
  type Thing,
  type WorldView,
} from "../world.ts";
import type { Contestant } from "./contestant.ts";

/** What its documentation has and its types lack. */
type Rebindable = Connection & { bindToSocket(socket: WebSocket): void };

/** A document for each object, and a subscription to each of the two collections. */
export const sharedb: Contestant = {
  packages: ["sharedb"],
  can: { resume: true, acknowledge: true },

  async startServer() {
    const db = new ShareDB.MemoryDB();
    // Whether a document is in a collection changes only when it is created or deleted.
    db.skipPoll = ((_collection: string, _id: string, op: object) =>
      !("create" in op || "del" in op)) as () => boolean;
    const backend = new ShareDB({ db });
    const sockets = new WebSocketServer({ port: 0, host: "127.0.0.1" });
    sockets.on("connection", (socket) => {
      const stream = new WebSocketJSONStream(socket);
      // What was still to be sent to someone who has left.
      stream.on("error", () => undefined);
      backend.listen(stream);
    });
    await once(sockets, "listening");
    const connection = backend.connect();
    const things: Doc<Thing>[] = [];
    const players = await subscribe<Player>(connection, "players", () => undefined);

    return {
      port: (sockets.address() as AddressInfo).port,
      async addThings(count) {
        for (let i = 0; i < count; i += 1) {
          const doc = connection.get("things", thingId(i)) as Doc<Thing>;
          things.push(doc);
          await settled((done) => doc.create(thing(i), done));
          await settled((done) => doc.subscribe(done));
        }
      },
      setHp: (index, hp) => void set(things[index], { hp }),
      setName: (index, name) => void set(things[index], { name }),
      view: () => viewOf(players.docs, things),
    };
  },

  async connectClient(port, events) {
    const open = () => new WebSocket(`ws://127.0.0.1:${port}`);
    let socket = open();
    const connection = new Connection(socket as never);
    const [players, things] = await Promise.all([
      subscribe<Player>(connection, "players", (doc) => {
        // Once for an operation, however many properties it sets.
        doc.on("op batch", () => events.moved(doc.id as PlayerId, doc.data.t));
      }),
      subscribe<Thing>(connection, "things", () => undefined),
    ]);
    let own: Doc<Player> | undefined;

    return {
      async enter(id, player) {
        const doc = connection.get("players", id) as Doc<Player>;
        await settled((done) => doc.create({ ...player }, done));
        own = doc;
      },
      move: (player) => void set(own, player),
      write: (index, hp) => set(connection.get("things", thingId(index)) as Doc<Thing>, { hp }),
      view: () => viewOf(players.docs, things.docs),
      async leave() {
        socket.close();
        await once(socket, "close");
      },
      async comeBack() {
        socket = open();
        (connection as Rebindable).bindToSocket(socket);
        await Promise.all([isReady(players.query), isReady(things.query)]);
      },
      close: () => connection.close(),
    };
  },
};

/** The next time that the server has answered it. */
function isReady<T>(query: Query<T>): Promise<void> {
  return new Promise((resolve) => query.once("ready", () => resolve()));
}

interface Collection<T> {
  readonly query: Query<T>;
  /** Grows with the collection. */
  readonly docs: readonly Doc<T>[];
}

/** Resolves when all documents of a collection are there. */
function subscribe<T>(
  connection: Connection,
  collection: string,
  added: (doc: Doc<T>) => void,
): Promise<Collection<T>> {
  return new Promise((resolve, reject) => {
    const docs: Doc<T>[] = [];
    const add = (more: readonly Doc<T>[]) => {
      docs.push(...more);
      more.forEach(added);
    };
    const query = connection.createSubscribeQuery<T>(collection, {}, {}, (error, results) => {
      // Its types promise an error and results at any time.
      const failure = error as Error | undefined;
      if (failure) reject(new Error(failure.message));
      else {
        add(results);
        resolve({ query, docs });
      }
    });
    query.on("insert", add);
  });
}

/** Resolves when the server has acknowledged it. */
function set<T extends object>(doc: Doc<T> | undefined, changes: Partial<T>): Promise<void> {
  if (doc === undefined) return Promise.resolve();
  const operations = Object.entries(changes).map(([name, value]) => ({
    p: [name],
    od: doc.data[name as keyof T],
    oi: value,
  }));
  return settled((done) => doc.submitOp(operations, undefined, done));
}

function settled(work: (done: (error?: { message: string } | null) => void) => void) {
  return new Promise<void>((resolve, reject) => {
    work((error) => {
      if (error === null || error === undefined) resolve();
      else reject(new Error(error.message));
    });
  });
}

function viewOf(players: readonly Doc<Player>[], things: readonly Doc<Thing>[]): WorldView {
  return {
    players: new Map(players.map(({ id, data }) => [id, data])),
    things: new Map(things.map(({ id, data }) => [id, data])),
  };
}
