import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import expressPouchDb from "express-pouchdb";
import PouchDB from "pouchdb";
import { changesOf, note, noteId, type Note, type NoteChange } from "../notes.ts";
import { unable, type Contestant } from "./contestant.ts";
import { scratchFolder } from "./scratch-folder.ts";
import type { NoteClient, NoteServer } from "./visits.ts";

/** A database in LevelDB on either side, as PouchDB has it in Node, and what PouchDB Server is made of. */
export const pouchdb: Contestant = {
  packages: ["pouchdb", "express-pouchdb"],
  can: { resume: true, acknowledge: true },
  startServer: () => unable("show a live world: it is for `sync`"),
  connectClient: () => unable("show a live world: it is for `sync`"),
  visits: { serve, open },
};

const PER_CALL = 1_000;

async function serve(): Promise<NoteServer> {
  const Pouch = PouchDB.defaults({ prefix: join(scratchFolder(), "/") });
  const database = new Pouch<Note>("notes");
  const http = createServer(expressPouchDb(Pouch, { mode: "minimumForPouchDB" }));
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  return {
    port: (http.address() as AddressInfo).port,
    async add(count) {
      for (let start = 0; start < count; start += PER_CALL) {
        const length = Math.min(PER_CALL, count - start);
        const docs = Array.from({ length }, (_, i) => ({
          _id: noteId(start + i),
          ...note(start + i),
        }));
        await put(database, docs);
      }
    },
    change: (change) => changeIn(database, change),
    view: () => viewOf(database),
  };
}

function open(port: number): Promise<NoteClient> {
  const database = new PouchDB<Note>(join(scratchFolder(), "notes"));
  return Promise.resolve({
    change: (change) => changeIn(database, change),
    view: () => viewOf(database),
    async sync() {
      const { pull, push } = await PouchDB.sync(database, `http://127.0.0.1:${port}/notes`);
      const failures = pull.doc_write_failures + push.doc_write_failures;
      if (!pull.ok || !push.ok || failures > 0) throw new Error(`${failures} writes have failed`);
      return { pulled: pull.docs_written, pushed: push.docs_written };
    },
  });
}

type Database = PouchDB<Note>;

async function put(database: Database, docs: Parameters<Database["bulkDocs"]>[0]): Promise<void> {
  const results = await database.bulkDocs(docs);
  if (results.some(({ error }) => error !== undefined)) throw new Error("a write was refused");
}

async function changeIn(database: Database, change: NoteChange): Promise<void> {
  const changes = changesOf(change);
  const { rows } = await database.allDocs({ include_docs: true, keys: [...changes.keys()] });
  const changed = [...changes.values()];
  await put(
    database,
    rows.map(({ doc }, i) => ({ ...doc, ...changed[i] })),
  );
}

async function viewOf(database: Database): Promise<ReadonlyMap<string, Note>> {
  const { rows } = await database.allDocs({ include_docs: true });
  return new Map(rows.map(({ doc }) => [doc._id, doc]));
}
