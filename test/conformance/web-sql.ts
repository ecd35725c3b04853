import type { Database } from "sql.js";

type Rows = readonly Record<string, unknown>[];
type Succeed = (transaction: WebSqlTransaction, result: { rows: unknown }) => void;
type Fail = (transaction: WebSqlTransaction, error: Error) => unknown;

interface WebSqlTransaction {
  executeSql(sql: string, values?: readonly unknown[], succeed?: Succeed, fail?: Fail): void;
}

/** A page's `openDatabase`, over SQLite: each statement is answered in a later turn, in their order. */
export function webSqlOver(database: Database, onError: (error: Error) => void): () => object {
  const run = (sql: string, values: readonly unknown[]): Rows => {
    const statement = database.prepare(sql);
    try {
      statement.bind(values.map((value) => value ?? null));
      const rows: Record<string, unknown>[] = [];
      while (statement.step()) rows.push(statement.getAsObject());
      return rows;
    } finally {
      statement.free();
    }
  };
  const transaction: WebSqlTransaction = {
    executeSql(sql, values, succeed, fail) {
      setImmediate(() => {
        try {
          const rows = run(sql, values ?? []);
          const list = { length: rows.length, item: (i: number) => rows[i] };
          succeed?.(transaction, { rows: list });
        } catch (error) {
          if (fail === undefined) onError(error as Error);
          else fail(transaction, error as Error);
        }
      });
    },
  };
  return () => ({
    transaction: (use: (transaction: WebSqlTransaction) => void) =>
      setImmediate(() => use(transaction)),
  });
}
