import type { Store } from "../../server/index.ts";
import { PostgresStore } from "../../server/stores/postgres/index.ts";
import { SqliteStore } from "../../server/stores/sqlite/index.ts";

/** The durable store at a place: a URL of PostgreSQL, or a file. */
export function storeAt(place: string): Store {
  return place.startsWith("postgres:") ? new PostgresStore(place) : new SqliteStore(place);
}
