import pg from "pg";
import { SyncError } from "../../../lib/index.ts";

/** pg gives big integers as text, and would parse JSON, which here comes to `stored-json`: all is text. */
export function openPool(database: string | pg.PoolConfig): pg.Pool {
  // Given anything else, pg would connect to what the environment names.
  if (database === "" || (typeof database !== "string" && Object(database) !== database)) {
    const message = "a database is a URL, or what pg.Pool takes";
    throw new SyncError("bad_option", message, { property: "database" });
  }
  const config = typeof database === "string" ? { connectionString: database } : database;
  const types = { getTypeParser: () => (text: string) => text };
  const pool = new pg.Pool({ ...config, types: types as unknown as pg.CustomTypesConfig });
  // A connection that ends while nobody uses it; who needs one next makes another.
  pool.on("error", () => undefined);
  return pool;
}
