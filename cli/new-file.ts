import { existsSync } from "node:fs";
import { open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { SyncError } from "../lib/index.ts";

/** What SQLite may leave beside a file that is closed, and would not find under its new name: empty. */
const BESIDE = ["-wal", "-shm"];

/**
 * Makes a file by way of another name, so that what is there under its own is whole. Throws `exists`;
 * nothing is left of a file that could not be finished.
 */
export async function makeFile<Result>(
  file: string,
  fill: (partial: string) => Promise<Result>,
): Promise<Result> {
  if (existsSync(file)) {
    throw new SyncError("bad_option", `there is a file ${file} already: choose another name`);
  }
  const partial = `${file}.partial`;
  await remove(partial, ["", ...BESIDE]); // of one that was killed
  try {
    const result = await fill(partial);
    await remove(partial, BESIDE);
    await sync(partial);
    await rename(partial, file);
    await sync(dirname(file));
    return result;
  } catch (error) {
    await remove(partial, ["", ...BESIDE]);
    throw error;
  }
}

async function remove(file: string, ends: readonly string[]): Promise<void> {
  for (const end of ends) await rm(file + end, { force: true });
}

async function sync(path: string): Promise<void> {
  const handle = await open(path);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
