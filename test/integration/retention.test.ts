import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import type { Cursor } from "../../lib/delta.ts";
import { encodeMutations, type DeltaMessage, type Welcome } from "../../lib/messages.ts";
import { encodeMutation } from "../../lib/mutation-codec.ts";
import type { ObjectId } from "../../lib/object.ts";
import type { NumberedOutcome } from "../../lib/outcome.ts";
import { KnownShapes, makePropertySet, ShapeTable } from "../../lib/shape.ts";
import type { ServerOptions, Store } from "../../server/index.ts";
import { SqliteStore } from "../../server/stores/sqlite/index.ts";
import { eventually } from "../support/eventually.ts";
import { KeptStore } from "../support/kept-store.ts";
import { HELLO, RawClient } from "../support/raw-client.ts";
import { Stage, type Served } from "../support/stage.ts";

const NOWHERE: Cursor = { epoch: "", seq: 0 };

const stage = new Stage();
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "object-sync-"));
});

afterEach(async () => {
  await stage.clear();
  rmSync(folder, { recursive: true });
});

function sqlite(): Store {
  return new SqliteStore(join(folder, "worlds.db"));
}

/** A client that sends what it is told to send, and shows the cursor that it is given. */
class Visitor {
  readonly #client: RawClient;
  readonly #served: Served;
  #hasLeft = false;

  constructor(served: Served, name: string, cursor: Cursor) {
    this.#served = served;
    this.#client = new RawClient(served.url, { ...HELLO, clientId: `visitor-${name}`, cursor });
  }

  async welcome(): Promise<Welcome> {
    return this.#client.until(() => this.#client.messages.find((one) => one.kind === "welcome"));
  }

  /** Creates an object as mutation `n`, with the outcomes known up to `settled`. */
  async send(n: number, id: string, settled = n - 1): Promise<void> {
    await this.welcome();
    const create = { kind: "create", id: id as ObjectId, properties: {}, chosen: true } as const;
    const mutation = { seen: 0, operations: [create] };
    const shapes = new ShapeTable(1, makePropertySet);
    const { bytes, shapes: used } = encodeMutation(mutation, shapes, () => undefined);
    const known = new KnownShapes();
    const message = { settled, first: n, mutations: [bytes] };
    this.#client.send(encodeMutations(message, known.missing(new Set(used)), known));
  }

  async outcome(n: number): Promise<NumberedOutcome> {
    return this.#client.until(() => this.#outcomes().find((one) => one.n === n));
  }

  /** How far it has got. */
  async cursor(): Promise<Cursor> {
    const { epoch } = await this.welcome();
    const { delta } = await this.#client.until(() => this.#whole().at(-1));
    return { epoch, seq: delta.to };
  }

  /** Resolves when the server knows that it has gone. */
  async leave(): Promise<void> {
    const { sessionId } = await this.welcome();
    this.#served.sync.on("disconnect", ({ id }) => (this.#hasLeft ||= id === sessionId));
    this.close();
    await eventually(() => this.#hasLeft);
  }

  close(): void {
    this.#client.close();
  }

  #whole(): DeltaMessage[] {
    return this.#client.messages.filter((one) => one.kind === "delta").filter((one) => one.isWhole);
  }

  #outcomes(): NumberedOutcome[] {
    return this.#whole().flatMap(({ outcomes }) => outcomes);
  }
}

function visit(served: Served, name: string, cursor = NOWHERE): Visitor {
  const visitor = new Visitor(served, name, cursor);
  stage.afterwards(() => visitor.close());
  return visitor;
}

/** Comes, has one write decided, and goes. Returns where it has got. */
async function write(served: Served, name: string, n: number, id: string): Promise<Cursor> {
  const visitor = visit(served, name);
  await visitor.send(n, id);
  await visitor.outcome(n);
  const cursor = await visitor.cursor();
  await visitor.leave();
  return cursor;
}

async function welcomeOf(served: Served, name: string, cursor = NOWHERE): Promise<Welcome> {
  const visitor = visit(served, name, cursor);
  const welcome = await visitor.welcome();
  await visitor.leave();
  return welcome;
}

async function restarted(served: Served, options: ServerOptions): Promise<Served> {
  await served.sync.close();
  return stage.serve(options);
}

test("beyond its number of clients the ledger forgets, tells who was forgotten, and nobody else", async () => {
  const options = (): ServerOptions => ({ store: sqlite(), limits: { ledgerClientsMax: 1 } });
  let served = await stage.serve(options());
  const anns = await write(served, "ann", 1, "a");
  expect(await welcomeOf(served, "ann", anns)).toMatchObject({ decided: 1, isForgotten: false });
  const bobs = await write(served, "bob", 1, "b"); // which is one too many
  for (const _life of [1, 2]) {
    const ann = await welcomeOf(served, "ann", anns);
    expect(ann).toMatchObject({ decided: 0, isForgotten: true, isDurable: true });
    const bob = await welcomeOf(served, "bob", bobs);
    expect(bob).toMatchObject({ decided: 1, isForgotten: false });
    // It has got beyond all that was forgotten: it lacks nothing.
    const eve = await welcomeOf(served, "eve", bobs);
    expect(eve).toMatchObject({ decided: 0, isForgotten: false });
    for (const cursor of [NOWHERE, { ...bobs, epoch: "other" }, { ...bobs, seq: bobs.seq + 1 }]) {
      expect(await welcomeOf(served, "eve", cursor)).toMatchObject({ isForgotten: true });
    }
    served = await restarted(served, options());
  }
});

test("a client whose last write was rejected, and who stands where it was, may not know it", async () => {
  const served = await stage.serve({ limits: { ledgerClientsMax: 1 } });
  await served.sync.create({ id: "tree" });
  const anns = await write(served, "ann", 1, "tree");
  expect(anns.seq).toBe(1);
  expect(await welcomeOf(served, "ann", anns)).toMatchObject({ isForgotten: false });
  await write(served, "bob", 1, "b");
  const forgotten = { decided: 0, isForgotten: true, isDurable: false };
  expect(await welcomeOf(served, "ann", anns)).toMatchObject(forgotten);
});

test("beyond its age a client is forgotten, also one that an earlier life of the server has known", async () => {
  const age = (ledgerAgeMs: number): ServerOptions => ({
    store: sqlite(),
    limits: { ledgerAgeMs },
  });
  let served = await stage.serve(age(3_600_000));
  const anns = await write(served, "ann", 1, "a");
  await write(served, "bob", 1, "b");
  served = await restarted(served, age(3_600_000));
  expect(await welcomeOf(served, "ann", anns)).toMatchObject({ decided: 1, isForgotten: false });
  served = await restarted(served, age(1));
  let n = 0;
  await eventually(async () => {
    await served.sync.create({ id: `tick ${n++}` });
    await write(served, `writer-${n}`, 1, `w${n}`);
    return (await welcomeOf(served, "ann", anns)).isForgotten;
  });
  served = await restarted(served, age(3_600_000));
  expect(await welcomeOf(served, "ann", anns)).toMatchObject({ decided: 0, isForgotten: true });
});

test("a client that is connected is never forgotten, and its writes go on", async () => {
  const served = await stage.serve({ store: sqlite(), limits: { ledgerClientsMax: 1 } });
  const ann = visit(served, "ann");
  await ann.send(1, "a1");
  await ann.outcome(1);
  for (const name of ["bob", "eve", "joe"]) await write(served, name, 1, name);
  await ann.send(2, "a2");
  expect((await ann.outcome(2)).outcome.kind).toBe("accepted");
  expect(await welcomeOf(served, "joe")).toMatchObject({ decided: 0, isForgotten: true });
});

test("a client whose write is with a handler is not forgotten, although it has gone", async () => {
  let answer: (() => void) | undefined;
  const create = (object: { readonly id?: string }): Promise<undefined> =>
    new Promise((resolve) => {
      if (object.id === "slow") answer = () => resolve(undefined);
      else resolve(undefined);
    });
  const served = await stage.serve({ handlers: { create }, limits: { ledgerClientsMax: 1 } });
  await write(served, "ann", 1, "a");
  const ann = visit(served, "ann");
  await ann.send(2, "slow");
  await eventually(() => answer);
  await ann.leave();
  for (const name of ["bob", "eve", "joe"]) await write(served, name, 1, name);
  const again = visit(served, "ann");
  expect(await again.welcome()).toMatchObject({ decided: 1, isForgotten: false });
  answer?.();
  expect((await again.outcome(2)).outcome.kind).toBe("accepted");
});

test("who comes back while the store forgets it is known, and the store knows it again", async () => {
  const store = new KeptStore();
  const options = { store, limits: { ledgerClientsMax: 1 } };
  const served = await stage.serve(options);
  const anns = await write(served, "ann", 1, "a");
  let goOn = (): void => undefined;
  store.hold = new Promise((resolve) => (goOn = resolve));
  const bob = visit(served, "bob");
  const batches = store.commits;
  await bob.send(1, "b");
  await eventually(() => store.commits > batches);
  const ann = visit(served, "ann", anns);
  expect(await ann.welcome()).toMatchObject({ decided: 1, isForgotten: false });
  goOn();
  await bob.outcome(1);
  await ann.send(2, "a2", 0);
  expect((await ann.outcome(2)).outcome.kind).toBe("accepted");
  const again = await restarted(served, options);
  expect(await welcomeOf(again, "ann", anns)).toMatchObject({ decided: 2, isForgotten: false });
  const late = visit(again, "ann", anns);
  expect((await late.outcome(1)).outcome.kind).toBe("accepted");
});

test("a store that refuses to forget has nobody forgotten", async () => {
  const store = new KeptStore();
  const served = await stage.serve({ store, limits: { ledgerClientsMax: 1 } });
  served.sync.on("error", () => undefined);
  const anns = await write(served, "ann", 1, "a");
  store.refuses = true;
  await write(served, "bob", 1, "b");
  expect(await welcomeOf(served, "ann", anns)).toMatchObject({ decided: 1, isForgotten: false });
  store.refuses = false;
  await write(served, "eve", 1, "e");
  expect(await welcomeOf(served, "ann", anns)).toMatchObject({ decided: 0, isForgotten: true });
  expect(await welcomeOf(served, "bob")).toMatchObject({ decided: 1 }); // it was not stored before
});
