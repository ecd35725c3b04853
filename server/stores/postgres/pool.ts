import pg from "pg";

/** pg gives big integers as text, and would parse JSON, which here comes to `stored-json`: all is text. */
export function openPool(database: string | pg.PoolConfig): pg.Pool {
  const config = typeof database === "string" ? { connectionString: database } : database;
  const types = { getTypeParser: () => (text: string) => text };
  const pool = new pg.Pool({ ...config, types: types as unknown as pg.CustomTypesConfig });
  // A connection that ends while nobody uses it; who needs one next makes another.
  pool.on("error", () => undefined);
  return pool;
}
