import { existsSync } from "node:fs";
import { SyncError } from "../lib/index.ts";
import type { Archive } from "../server/operations/index.ts";

const POSTGRES_URL = /^postgres(ql)?:\/\//;

/** Does something with the worlds at a place, a SQLite file or a URL of PostgreSQL, and closes it. */
export async function withArchive<Result>(
  place: string,
  use: (archive: Archive) => Promise<Result>,
): Promise<Result> {
  const archive = await archiveAt(place);
  try {
    return await use(archive);
  } finally {
    await archive.close();
  }
}

/** The same, with a store that must be there already. Throws `not_found`. */
export async function withExisting<Result>(
  place: string,
  use: (archive: Archive) => Promise<Result>,
): Promise<Result> {
  if (!POSTGRES_URL.test(place) && !existsSync(place)) {
    throw new SyncError("not_found", `there is no file ${place}`);
  }
  return withArchive(place, use);
}

/** Who has no PostgreSQL need not have its driver, and the other way round. */
async function archiveAt(place: string): Promise<Archive> {
  if (!POSTGRES_URL.test(place)) {
    const { SqliteArchive } = await import("../server/stores/sqlite/index.ts");
    return new SqliteArchive(place);
  }
  try {
    const { PostgresArchive } = await import("../server/stores/postgres/index.ts");
    return new PostgresArchive(place);
  } catch (cause) {
    throw new SyncError("unsupported", 'for PostgreSQL, run "npm install pg"', { cause });
  }
}
