import { Client } from "./client.ts";
import { realEnvironment } from "./environment.ts";
import type { AnyModels } from "./models.ts";
import { resolveOptions, resolveUrl, type ObjectSyncOptions } from "./options.ts";
import { connectSocketIo } from "./socket-io.ts";

/**
 * A world of objects that is kept the same as on its server, and on every other client.
 *
 * ```ts
 * const sync = new ObjectSync("http://localhost:3000");
 * await sync.whenSynced();
 * sync.on("update", (object, changed) => console.log(object.id, changed));
 * const tree = await sync.save({ name: "tree" });
 * await sync.save({ id: tree.id, height: 12 });
 * ```
 *
 * `Models` gives the types of the objects by namespace, the part of an id before its first colon:
 * in an `ObjectSync<{ player: Player }>`, "player:42" is a `Player`.
 */
export class ObjectSync<Models extends object = AnyModels> extends Client<Models> {
  /** In a page, `url` is the page's own server unless given. Throws `bad_option`. */
  constructor(url?: string | URL, options: ObjectSyncOptions = {}) {
    const resolved = resolveOptions(options);
    const connect = connectSocketIo(resolveUrl(url), resolved);
    super(resolved, { environment: realEnvironment, connect });
  }
}

/** All that an ObjectSync can do, whoever does it: what code that works with objects need ask for. */
export type ObjectSyncLike<Models extends object = AnyModels> = Pick<
  ObjectSync<Models>,
  keyof ObjectSync<Models>
>;
