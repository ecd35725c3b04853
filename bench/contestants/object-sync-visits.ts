import { join } from "node:path";
import { ObjectSync } from "object-sync/client";
import { explicit } from "object-sync/explicit";
import { ObjectSyncServer } from "object-sync/server";
import { SqliteStore } from "object-sync/sqlite";
import { fileStorage } from "object-sync/storage/file";
import { changesOf, note, noteId, type Note } from "../notes.ts";
import { unable, type Contestant } from "./contestant.ts";
import { urlOf } from "./object-sync.ts";
import { scratchFolder } from "./scratch-folder.ts";
import type { NoteClient, NoteServer } from "./visits.ts";

/** With `live: explicit`, and both sides on their disks: what each has done is synced there. */
export const objectSyncVisits: Contestant = {
  packages: ["object-sync"],
  can: { resume: true, acknowledge: true },
  startServer: () => unable("show a live world: it is for `sync`"),
  connectClient: () => unable("show a live world: it is for `sync`"),
  visits: { serve, open },
};

interface Models {
  note: Note;
}

type NotesById = ReadonlyMap<string, Note>;

const PER_TRANSACTION = 500;

async function serve(): Promise<NoteServer> {
  const store = new SqliteStore(join(scratchFolder(), "worlds.db"));
  const sync = new ObjectSyncServer({ open: true, store });
  const port = await sync.listen(0, "127.0.0.1");
  return {
    port,
    async add(count) {
      for (let start = 0; start < count; start += PER_TRANSACTION) {
        await sync.transaction((tx) => {
          for (let i = start; i < Math.min(start + PER_TRANSACTION, count); i += 1) {
            tx.create({ id: noteId(i), ...note(i) });
          }
        });
      }
    },
    async change(change) {
      const changes = Array.from(changesOf(change), ([id, changed]) => ({ id, ...changed }));
      await Promise.all(changes.map((changed) => sync.update(changed)));
    },
    view: () => Promise.resolve(sync.allObjects() as ReadonlyMap<string, object> as NotesById),
  };
}

function open(port: number): Promise<NoteClient> {
  const storage = fileStorage(join(scratchFolder(), "client.db"));
  const sync = new ObjectSync<Models>(urlOf(port), { live: explicit, storage });
  return Promise.resolve({
    async change(change) {
      const changes = Array.from(changesOf(change), ([id, changed]) => ({ id, ...changed }));
      await Promise.all(changes.map((changed) => sync.update(changed).reached("local")));
    },
    view: () => Promise.resolve(sync.allObjects()),
    sync: () => sync.sync(),
  });
}
