import type { Environment } from "../../lib/environment.ts";
import type { Keeper, Opened, Persistence } from "../persistence.ts";
import type { ClientStorage } from "../storage/storage.ts";
import { Box, clientPrefix, type BoxChanges } from "./box.ts";
import { BoxKeeper } from "./box-keeper.ts";
import { writeFromText } from "./kept-text.ts";

/**
 * Has clients keep their undecided writes, and what they last saw, in a storage, which is made for the
 * first of them and closed with the last. Each client has a box of its own there, which it holds
 * locked: two tabs never send each other's writes. A box that nobody holds was left by a client that
 * has ended, and the next client goes on with it.
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
    async open(world, environment) {
      users += 1;
      try {
        storage ??= makeStorage();
        return { ...(await openBoxes(storage, world, environment)), close: leave };
      } catch (error) {
        await leave();
        throw error;
      }
    },
  };
}

async function openBoxes(
  storage: ClientStorage,
  world: string,
  environment: Environment,
): Promise<Omit<Opened, "close">> {
  const boxes = await freeBoxes(storage, world);
  try {
    return await chooseBoxes(boxes, storage, world, environment);
  } catch (error) {
    for (const box of boxes) box.release();
    throw error;
  }
}

async function chooseBoxes(
  boxes: readonly Box[],
  storage: ClientStorage,
  world: string,
  environment: Environment,
): Promise<Omit<Opened, "close">> {
  const idle: Box[] = [];
  const busy: Box[] = [];
  for (const box of boxes) {
    const [write] = await box.writeTexts();
    (write === undefined ? idle : busy).push(box);
  }
  const own = busy.shift() ?? idle.shift() ?? (await newBox(storage, world, environment));
  for (const box of idle) await removeBox(box); // one view is as good as another
  const orphans: Keeper[] = [];
  for (const box of busy) {
    if (await moveWrites(box, own)) await removeBox(box);
    else orphans.push(await keeperOf(box, environment));
  }
  return { own: await keeperOf(own, environment), orphans };
}

/** The boxes that nobody holds; this client does now. */
async function freeBoxes(storage: ClientStorage, world: string): Promise<Box[]> {
  const prefix = clientPrefix(world);
  const boxes: Box[] = [];
  for (const [key] of await storage.read(prefix)) {
    const unlock = await storage.lock(key);
    if (unlock === undefined) continue;
    const box = new Box(storage, world, key.slice(prefix.length), unlock);
    const [[found] = []] = await storage.read(key); // it may have been finished meanwhile
    if (found === key) boxes.push(box);
    else box.release();
  }
  return boxes;
}

async function newBox(
  storage: ClientStorage,
  world: string,
  { random }: Environment,
): Promise<Box> {
  for (;;) {
    const name = random.id();
    const unlock = await storage.lock(clientPrefix(world) + name);
    if (unlock !== undefined) return new Box(storage, world, name, unlock);
  }
}

async function keeperOf(box: Box, environment: Environment): Promise<Keeper> {
  const kept = await box.load();
  return new BoxKeeper(box, kept, new Map(await box.writeTexts()), environment);
}

async function removeBox(box: Box): Promise<void> {
  await box.remove();
  box.release();
}

/**
 * Writes that no server can have become this client's, after its own. Tells whether they did: of what
 * may have been sent, only the client that sent it can ask what became of it.
 */
async function moveWrites(from: Box, to: Box): Promise<boolean> {
  const texts = await from.writeTexts();
  if (texts.some(([, text]) => writeFromText(text).wasSent)) return false;
  const changes: BoxChanges = await from.removal();
  let place = await to.nextPlace();
  for (const [, text] of texts) changes.set(to.writeKey(place++), text);
  await to.write(changes);
  return true;
}
