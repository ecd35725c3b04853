import type { IncomingMessage } from "node:http";
import { inspect } from "node:util";
import type { ObjectSync, ObjectSyncOptions } from "../../client/index.ts";
import type { Value } from "../../lib/index.ts";
import {
  ObjectSyncServer,
  type Rules,
  type ServerOptions,
  type SyncObject,
} from "../../server/index.ts";
import { Canaries, Eavesdropper } from "./eavesdropper.ts";
import { eventually } from "./eventually.ts";
import type { Network } from "./network.ts";
import { HELLO, RawClient } from "./raw-client.ts";
import { TAPPED, type Stage } from "./stage.ts";

const WHOLE = { depth: null, maxArrayLength: null, maxStringLength: null } as const;

interface User {
  readonly id: string;
  readonly token: string;
}

/**
 * A world of which Ann may read what is hers, and Eve may not. What the server says to Eve goes through a
 * network of its own and is kept, with all that her clients tell and all that this process prints.
 */
export class SpyScene {
  readonly sync: ObjectSyncServer;
  readonly canaries: Canaries;
  /** Between the server and Eve. */
  readonly network: Network;
  /** Between the server and another place where Eve is. */
  readonly elsewhere: Network;
  /** Who may read the objects of the namespace "file". */
  readonly cleared: Set<string>;
  /** A property that is not for Eve, nor is its name. */
  readonly privateName: string;
  readonly #stage: Stage;
  readonly #annsNetwork: Network;
  readonly #annsPassword: string;
  readonly #heardByAnn: Eavesdropper;
  readonly #heardByEve: Eavesdropper;
  readonly #heardElsewhere: Eavesdropper;
  /** All that Eve's clients have told, and what was printed. */
  readonly #told: string[] = [];

  static async open(stage: Stage, options: ServerOptions = {}): Promise<SpyScene> {
    const canaries = new Canaries();
    const secrets = { password: canaries.text(), token: canaries.text(), name: canaries.text() };
    const cleared = new Set(["ann"]);
    const sync = new ObjectSyncServer({
      rules: rulesOf(cleared, secrets.name),
      // A channel for each owner, and one of all that has a place.
      channels: ({ owner, place }) => [
        ...(typeof owner === "string" ? [`of:${owner}`] : []),
        ...(typeof place === "string" ? [place] : []),
      ],
      authenticate: ({ auth }): User => {
        if (auth === secrets.password) return { id: "ann", token: secrets.token };
        if (auth === "eve") return { id: "eve", token: "eve" };
        throw new Error("nobody");
      },
      ...options,
    });
    stage.afterwards(() => sync.close());
    const port = await sync.listen(0);
    const networks = await Promise.all([1, 2, 3].map(() => stage.network(port)));
    return new SpyScene(
      stage,
      sync,
      canaries,
      cleared,
      secrets,
      networks as [Network, Network, Network],
    );
  }

  private constructor(
    stage: Stage,
    sync: ObjectSyncServer,
    canaries: Canaries,
    cleared: Set<string>,
    secrets: { readonly password: string; readonly name: string },
    [annsNetwork, network, elsewhere]: readonly [Network, Network, Network],
  ) {
    this.sync = sync;
    this.canaries = canaries;
    this.network = network;
    this.elsewhere = elsewhere;
    this.cleared = cleared;
    this.privateName = secrets.name;
    this.#stage = stage;
    this.#annsNetwork = annsNetwork;
    this.#annsPassword = secrets.password;
    this.#heardByAnn = new Eavesdropper(annsNetwork);
    this.#heardByEve = new Eavesdropper(network);
    this.#heardElsewhere = new Eavesdropper(elsewhere);
    this.#listenToConsole();
  }

  /** A client of Ann's. */
  ann(options: ObjectSyncOptions = {}): Promise<ObjectSync> {
    const auth = this.#annsPassword;
    return this.#stage.join(this.#annsNetwork.url, { ...TAPPED, auth, ...options });
  }

  /** A client of Eve's. All that it tells is kept. */
  async eve(options: ObjectSyncOptions = {}, network = this.network): Promise<ObjectSync> {
    const client = this.#stage.client(network.url, { ...TAPPED, auth: "eve", ...options });
    const names = ["create", "add", "update", "destroy", "remove", "reject", "error"] as const;
    for (const name of names) client.on(name, (...args: unknown[]) => this.note(name, ...args));
    for (const name of ["status", "disconnect"] as const) {
      client.on(name, (...args: unknown[]) => this.note(name, ...args));
    }
    await client.whenSynced();
    return client;
  }

  /** One of Eve's that she has written herself. */
  rawEve(hello: object = {}, options: object = {}, network = this.network): RawClient {
    return this.#raw(network, { auth: "eve", clientId: "eve-by-hand", ...hello }, options);
  }

  rawAnn(hello: object = {}, options: object = {}): RawClient {
    const own = { auth: this.#annsPassword, clientId: "ann-by-hand", ...hello };
    return this.#raw(this.#annsNetwork, own, options);
  }

  #raw(network: Network, hello: object, options: object): RawClient {
    const client = new RawClient(network.url, { ...HELLO, ...hello }, options);
    this.#stage.afterwards(() => client.close());
    return client;
  }

  /** Whose password a request shows. Throws, otherwise. */
  readonly identify = ({ headers }: IncomingMessage): unknown => {
    if (headers.authorization === this.#annsPassword) return { id: "ann" };
    if (headers.authorization === "eve") return { id: "eve" };
    throw new Error("nobody");
  };

  /** Asks over HTTP, as Ann unless `init` says otherwise. */
  askAsAnn(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = { Authorization: this.#annsPassword, ...(init.headers as object) };
    return fetch(this.#annsNetwork.url + path, { ...init, headers });
  }

  /** The same as Eve, with the whole answer, of which every byte was heard. */
  async askAsEve(path: string, init: RequestInit = {}): Promise<{ status: number; text: string }> {
    const headers = { Authorization: "eve", ...(init.headers as object) };
    const answer = await fetch(this.network.url + path, { ...init, headers });
    return { status: answer.status, text: await answer.text() };
  }

  /** Objects of every kind that Eve may not read, or not all of; and one that she may. */
  async plant(round: number): Promise<void> {
    const { canaries, privateName } = this;
    const secret = (): Record<string, Value> => ({
      owner: "ann",
      [canaries.text()]: canaries.text(),
      values: canaries.values(),
      place: canaries.text(),
    });
    await this.sync.create({ id: `card:${String(round)}`, ...secret() });
    await this.sync.create({ id: `card:${canaries.text()}`, ...secret() });
    await this.sync.create({ id: `file:${canaries.text()}`, ...secret() });
    await this.sync.create({
      id: `player:${String(round)}`,
      ...{ owner: "ann", round, level: round, hand: canaries.values(), seed: canaries.text() },
      [privateName]: canaries.text(),
    });
  }

  /** Writes, destroys and creates anew all of these. */
  async stir(round: number): Promise<void> {
    const { canaries, privateName, sync } = this;
    for (const { id } of [...sync.allObjects().values()]) {
      if (id.startsWith("note:")) continue;
      await sync.update({ id, values: canaries.values(), hand: canaries.text(), round });
      if (id.startsWith("player:")) await sync.update({ id, [privateName]: canaries.text() });
      if (id.startsWith("card:") && round % 3 === 0) {
        await sync.destroy(id);
        await sync.create({ id, owner: "ann", values: canaries.values() });
      }
    }
  }

  /** Waits until a client is shown this round of every player. */
  async reaches(client: ObjectSync, round: number): Promise<void> {
    const isThere = ({ id, round: seen }: SyncObject): boolean =>
      !id.startsWith("player:") || seen === round;
    const all = (): SyncObject[] => [...client.allObjects().values()];
    await eventually(
      () => all().some(({ id }) => id.startsWith("player:")) && all().every(isThere),
      () => all().length,
    );
  }

  /** Keeps what Eve was told, in whatever way. */
  note(...told: readonly unknown[]): void {
    this.#told.push(...told.map((one) => inspect(one, WHOLE)));
  }

  /** How much the server has said to Eve. */
  get bytesHeard(): number {
    return this.#heardByEve.bytes;
  }

  /** Canaries among all that Eve was told, or that was printed. */
  get leaks(): string[] {
    const told = Buffer.from(this.#told.join("\n"));
    return this.canaries.in([...this.#heardByEve.heard, told]);
  }

  /** Canaries in what there is by now, and not in what nobody may read. */
  get readableToAnn(): string[] {
    const objects = Array.from(this.sync.allObjects().values(), (one) => ({ ...one, seed: null }));
    return this.canaries.in([Buffer.from(inspect(objects, WHOLE))]);
  }

  /** Canaries among what was told to Eve elsewhere. */
  get leaksElsewhere(): string[] {
    return this.canaries.in(this.#heardElsewhere.heard);
  }

  /** Canaries that Ann was told: as many must be found where they may be, or nothing is proved. */
  get toldToAnn(): string[] {
    return this.canaries.in(this.#heardByAnn.heard);
  }

  #listenToConsole(): void {
    for (const method of ["log", "info", "warn", "error", "debug"] as const) {
      const before = console[method].bind(console);
      console[method] = (...args: unknown[]) => this.note(...args);
      this.#stage.afterwards(() => (console[method] = before));
    }
  }
}

function isOwn(user: unknown, { owner }: SyncObject): boolean {
  return owner === (user as User).id;
}

function rulesOf(cleared: ReadonlySet<string>, privateName: string): Rules {
  return {
    card: { read: isOwn, create: isOwn, update: isOwn, destroy: isOwn },
    file: { read: (user) => cleared.has((user as User).id), create: isOwn },
    player: {
      read: true,
      create: isOwn,
      update: true,
      properties: {
        [privateName]: { read: isOwn },
        hand: { read: isOwn },
        seed: { read: false },
        values: { read: isOwn },
      },
    },
    note: { read: true, create: true, update: true, destroy: true },
  };
}
