/** What is used of sql.js here. */
declare module "sql.js" {
  export interface Statement {
    bind(values: readonly unknown[]): boolean;
    step(): boolean;
    getAsObject(): Record<string, unknown>;
    free(): boolean;
  }
  export interface Database {
    prepare(sql: string): Statement;
    close(): void;
  }
  export default function initSqlJs(): Promise<{ Database: new () => Database }>;
}
