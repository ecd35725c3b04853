import type { Environment } from "../../lib/environment.ts";
import type { SyncError } from "../../lib/errors.ts";
import { FIRST_VERSION, type Migrations } from "../../lib/migrations.ts";
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

/** A box that this client holds, and what is in it. */
interface Found {
  readonly box: Box;
  readonly kept: Kept | undefined;
  readonly texts: ReadonlyMap<string, string>;
  /** Whether nothing is in it yet. */
  readonly isNew?: boolean;
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
  const schema = migrations?.version ?? FIRST_VERSION;
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
    const heir = await inherit(first, busy.filter(isOther), migrations, environment);
    const { own, orphans } = await gather(heir.own, heir.others);
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
async function readable(boxes: readonly Box[], problems: SyncError[]): Promise<Found[]> {
  const found: Found[] = [];
  for (const box of boxes) {
    const texts = await box.read();
    const one = texts && recoverFrom(box, texts, problems);
    if (one !== undefined) found.push(one);
    else box.release(); // also what was finished meanwhile
  }
  return found;
}

function recoverFrom(box: Box, texts: BoxTexts, problems: SyncError[]): Found | undefined {
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

/**
 * Takes over what clients with an earlier schema have left that never leaves the device. What else they
 * have left, they finish themselves.
 */
async function inherit(
  first: Found,
  others: readonly Found[],
  migrations: Migrations | undefined,
  { random }: Environment,
): Promise<{ own: Found; others: Found[] }> {
  let own = first;
  const left: Found[] = [];
  for (const other of others) {
    const taken = await takeLocal(own, other, migrations, random.id());
    own = taken?.own ?? own;
    const rest = taken === undefined ? other : taken.rest;
    if (rest === undefined) other.box.release();
    else left.push(rest);
  }
  return { own, others: left };
}

/** Undefined when there is nothing to take, or it cannot be; without a `rest` nothing is left there. */
async function takeLocal(
  taker: Found,
  other: Found,
  migrations: Migrations | undefined,
  newId: string,
): Promise<{ own: Found; rest: Found | undefined } | undefined> {
  if (migrations === undefined || other.kept === undefined) return undefined;
  const { box, kept: former, texts } = taker;
  const { user, writes } = other.kept;
  if (former !== undefined && former.user !== user) return undefined;
  const local = formerLocal(other.kept, migrations);
  if (local.size === 0) return undefined;
  const nobody = { ...NOBODY, schema: migrations.version, user, ...former, clientId: newId };
  const kept = former === undefined || former.clientId === "" ? nobody : former;
  let place = nextPlace({ box, kept, texts });
  const added = Array.from(
    local.values(),
    (write) => [box.writeKey(place++), writeToText(write, false)] as const,
  );
  const restTexts = new Map([...other.texts].filter((_, at) => !local.has(at)));
  const removed = await other.box.removal();
  if (restTexts.size > 0)
    for (const key of removed.keys()) {
      if (!other.texts.has(key) || restTexts.has(key)) removed.delete(key);
    }
  try {
    await box.write(new Map([...removed, ...added, [box.clientKey, clientToText(kept)]]));
  } catch {
    return undefined;
  }
  const own = { ...kept, writes: [...kept.writes, ...local.values()] };
  const rest = { ...other.kept, writes: writes.filter((_, at) => !local.has(at)) };
  return {
    own: { ...taker, kept: own, texts: new Map([...texts, ...added]) },
    rest: restTexts.size > 0 ? { ...other, kept: rest, texts: restTexts } : undefined,
  };
}

function nextPlace({ box, texts }: Found): number {
  return Math.max(-1, ...Array.from(texts.keys(), (key) => box.placeOf(key))) + 1;
}

/**
 * Puts writes that no server can have after this client's own. Of what may have been sent, only the
 * client that sent it can ask what became of it; so it is finished as an orphan.
 */
async function gather(
  first: Found,
  others: readonly Found[],
): Promise<{ own: Found; orphans: Found[] }> {
  let own = first;
  const orphans: Found[] = [];
  for (const other of others) {
    const joined = await join(own, other);
    if (joined === undefined) orphans.push(other);
    else {
      own = joined;
      other.box.release();
    }
  }
  return { own, orphans };
}

/** Undefined when it cannot be, also for want of room. */
async function join({ box, kept, texts }: Found, other: Found): Promise<Found | undefined> {
  if (kept === undefined || other.kept === undefined) return undefined;
  if (kept.user !== other.kept.user || kept.schema !== other.kept.schema) return undefined;
  if (other.kept.writes.some(({ wasSent }) => wasSent)) return undefined;
  // What their writers had seen is counted by another world: none of it would be told from the other's.
  if (other.kept.epoch !== "" && kept.epoch !== "" && other.kept.epoch !== kept.epoch)
    return undefined;
  let place = nextPlace({ box, kept, texts });
  const added = new Map(Array.from(other.texts.values(), (text) => [box.writeKey(place++), text]));
  try {
    await box.write(new Map([...(await other.box.removal()), ...added]));
  } catch {
    return undefined;
  }
  const writes = [...kept.writes, ...other.kept.writes];
  return { box, kept: { ...kept, writes }, texts: new Map([...texts, ...added]) };
}
