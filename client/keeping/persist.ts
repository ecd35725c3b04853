import type { Environment } from "../../lib/environment.ts";
import type { SyncError } from "../../lib/errors.ts";
import { FIRST_VERSION, type Migrations } from "../../lib/migrations.ts";
import type { KeptWrite } from "../outbox.ts";
import type { Keeper, Kept, Opened, Persistence } from "../persistence.ts";
import type { ClientStorage } from "../storage/storage.ts";
import { Box, clientPrefix, type BoxTexts } from "./box.ts";
import { BoxKeeper } from "./box-keeper.ts";
import { checkedStorage } from "./contract.ts";
import { formerLocal } from "./former-local.ts";
import { formerView } from "./former-view.ts";
import { clientToText, writeToText } from "./kept-text.ts";
import { recover } from "./recover.ts";

/**
 * Has clients keep their undecided writes, and what they last saw, in a storage, which is made for the
 * first of them and closed with the last. Each client has a box of its own there, which it holds
 * locked: two tabs never send each other's writes. A box that nobody holds was left by a client that
 * has ended, and the next client goes on with it.
 *
 * What is no storage is told with the client's `error` event, as `store_contract`.
 */
export function persist(makeStorage: () => ClientStorage): Persistence {
  let storage: ClientStorage | undefined;
  let users = 0;
  const leave = async (): Promise<void> => {
    users -= 1;
    if (users > 0) return;
    const closed = storage;
    storage = undefined;
    await closed?.close();
  };
  return {
    async open(world, environment, migrations) {
      users += 1;
      try {
        storage ??= checkedStorage(makeStorage());
        return { ...(await openBoxes(storage, world, environment, migrations)), close: leave };
      } catch (error) {
        await leave();
        throw error;
      }
    },
  };
}

/** A client that has done nothing yet. */
const NOBODY = {
  cursor: { epoch: "", seq: 0 },
  objects: [],
  epoch: "",
  nextNumber: 1,
  writes: [],
};

function schemaOf(migrations: Migrations | undefined): number {
  return migrations?.version ?? FIRST_VERSION;
}

/** A box that this client holds, and what is in it. */
interface Found {
  readonly box: Box;
  readonly kept: Kept | undefined;
  readonly texts: ReadonlyMap<string, string>;
  /** Whether nothing is in it yet. */
  readonly isNew?: boolean;
}

/** One that a client has left. */
interface Left extends Found {
  readonly kept: Kept;
}

async function openBoxes(
  storage: ClientStorage,
  world: string,
  environment: Environment,
  migrations: Migrations | undefined,
): Promise<Omit<Opened, "close">> {
  const boxes = await freeBoxes(storage, world);
  const keeperOf = ({ box, kept, texts, isNew = false }: Found): Keeper =>
    new BoxKeeper(box, kept, texts, environment, isNew);
  const schema = schemaOf(migrations);
  const begin = async (former: readonly Found[]): Promise<Found> => {
    const found = await newBox(storage, world, environment);
    const [last] = former.flatMap(({ kept }) => kept ?? []);
    const kept = migrations && last && formerView(last, migrations);
    return { ...found, kept };
  };
  const renew = async (isAll: boolean): Promise<Keeper> => {
    if (isAll) await removeAll(await freeBoxes(storage, world));
    return keeperOf(await newBox(storage, world, environment));
  };
  try {
    const problems: SyncError[] = [];
    const found = await readable(boxes, problems);
    const ofNow = ({ kept }: Found): boolean => kept?.schema === schema;
    const busy = found.filter(({ texts }) => texts.size > 0);
    const idle = found.filter(({ texts }) => texts.size === 0);
    const first = busy.find(ofNow) ?? idle.find(ofNow) ?? (await begin(found));
    const isOther = (one: Found): boolean => one !== first;
    for (const { box } of idle.filter(isOther)) await removeBox(box); // one view is as good as another
    const others = busy.filter(isOther);
    const { own, orphans } = await inherit(first, others, migrations, environment);
    return { own: keeperOf(own), orphans: orphans.map(keeperOf), problems, renew };
  } catch (error) {
    for (const box of boxes) box.release();
    throw error;
  }
}

/** The boxes that nobody holds; this client does now. */
async function freeBoxes(storage: ClientStorage, world: string): Promise<Box[]> {
  const prefix = clientPrefix(world);
  const boxes: Box[] = [];
  for (const [key] of await storage.read(prefix)) {
    const unlock = await storage.lock(key);
    if (unlock !== undefined) boxes.push(new Box(storage, world, key.slice(prefix.length), unlock));
  }
  return boxes;
}

/** Those of the boxes that can be used; the others are given back as they are. */
async function readable(boxes: readonly Box[], problems: SyncError[]): Promise<Left[]> {
  const found: Left[] = [];
  for (const box of boxes) {
    const texts = await box.read();
    const one = texts && recoverFrom(box, texts, problems);
    if (one !== undefined) found.push(one);
    else box.release(); // also what was finished meanwhile
  }
  return found;
}

function recoverFrom(box: Box, texts: BoxTexts, problems: SyncError[]): Left | undefined {
  try {
    const { kept, problem } = recover(texts);
    if (problem !== undefined) problems.push(problem);
    return { box, kept, texts: texts.writes };
  } catch (problem) {
    problems.push(problem as SyncError);
    return undefined;
  }
}

async function newBox(
  storage: ClientStorage,
  world: string,
  { random }: Environment,
): Promise<Found> {
  for (;;) {
    const name = random.id();
    const unlock = await storage.lock(clientPrefix(world) + name);
    if (unlock === undefined) continue;
    return {
      box: new Box(storage, world, name, unlock),
      kept: undefined,
      texts: new Map(),
      isNew: true,
    };
  }
}

async function removeAll(boxes: readonly Box[]): Promise<void> {
  try {
    for (const box of boxes) await box.remove();
  } finally {
    for (const box of boxes) box.release();
  }
}

/** If there is trouble, the next client does it. */
async function removeBox(box: Box): Promise<void> {
  await box.remove().catch(() => undefined);
  box.release();
}

/** Writes of a box, by their places in it. */
type Places = ReadonlyMap<number, KeptWrite>;

/**
 * Goes on with what others have left, as far as it can. Of what may have been sent, only the client that
 * sent it can ask what became of it; so it is finished as an orphan.
 */
async function inherit(
  first: Found,
  others: readonly Left[],
  migrations: Migrations | undefined,
  { random }: Environment,
): Promise<{ own: Found; orphans: Found[] }> {
  let own = first;
  const orphans: Found[] = [];
  for (const other of others) {
    let rest = other;
    const nobody = { ...NOBODY, schema: schemaOf(migrations), clientId: random.id() };
    for (const find of [localIn, unsentIn])
      ({ own, rest } = await move(own, rest, find(own, rest, migrations), nobody));
    const { box, kept } = rest;
    // Of a user that is known all goes, should the server tell its orphan that the next one is another.
    const { user } = kept;
    if (kept.writes.every(({ isLocal }) => isLocal && user === undefined)) box.release();
    else orphans.push(rest);
  }
  return { own, orphans };
}

/**
 * What never leaves the device is this client's from now on. Of two objects of one id the other stays
 * where it is, for a client that has none of that id.
 */
function localIn(own: Found, { kept }: Left, migrations: Migrations | undefined): Places {
  const { user } = kept;
  // Of one that is not known yet it is taken for whoever is next, as when it connects.
  if (own.kept !== undefined && user !== undefined && user !== own.kept.user) return NONE;
  const writes = own.kept?.writes.filter(({ isLocal }) => isLocal) ?? [];
  const ids = writes.flatMap(({ operations }) => operations.map(({ id }) => id));
  return formerLocal(kept, migrations, new Set(ids));
}

/** What no server can have, of a whole box, comes after this client's own. */
function unsentIn({ kept: own }: Found, { kept }: Left): Places {
  if (own === undefined) return NONE;
  if (own.user !== kept.user || own.schema !== kept.schema) return NONE;
  if (kept.writes.some(({ wasSent, isLocal }) => wasSent || isLocal)) return NONE;
  // What their writers had seen is counted by another world: none of it would be told from the other's.
  const isOther = own.epoch !== "" && kept.epoch !== "" && kept.epoch !== own.epoch;
  if (isOther) return NONE;
  // Nor have they seen each other, which of one client nobody would think: then nothing would collide.
  const written = new Set(own.writes.flatMap(({ operations }) => operations.map(({ id }) => id)));
  const isWritten = ({ operations }: KeptWrite): boolean =>
    operations.some(({ id }) => written.has(id));
  return kept.writes.some(isWritten) ? NONE : new Map(kept.writes.entries());
}

const NONE: Places = new Map();

/** Both as they were when there is nothing to move, or it cannot be, also for want of room. */
async function move(
  own: Found,
  rest: Left,
  places: Places,
  nobody: Omit<Kept, "user">,
): Promise<{ own: Found; rest: Left }> {
  if (places.size === 0) return { own, rest };
  const { box, kept: former, texts } = own;
  const { user, writes } = rest.kept;
  const { clientId } = nobody;
  const isBegun = (former?.clientId ?? "") !== "";
  const last = { ...nobody, user, ...former, ...(!isBegun && { clientId }) };
  // Of what it goes on with, each will have a number of its own.
  const kept = { ...last, nextNumber: last.nextNumber + places.size };
  let place = Math.max(-1, ...Array.from(texts.keys(), (key) => box.placeOf(key))) + 1;
  const added = Array.from(
    places.values(),
    (write) => [box.writeKey(place++), writeToText(write, false)] as const,
  );
  const left = new Map([...rest.texts].filter((_, at) => !places.has(at)));
  const removed = await rest.box.removal();
  if (left.size > 0)
    for (const key of removed.keys())
      if (!rest.texts.has(key) || left.has(key)) removed.delete(key);
  try {
    await box.write(new Map([...removed, ...added, [box.clientKey, clientToText(kept)]]));
  } catch {
    return { own, rest };
  }
  const all = { ...kept, writes: [...kept.writes, ...places.values()] };
  const others = { ...rest.kept, writes: writes.filter((_, at) => !places.has(at)) };
  return {
    own: { ...own, kept: all, texts: new Map([...texts, ...added]) },
    rest: { ...rest, kept: others, texts: left },
  };
}
