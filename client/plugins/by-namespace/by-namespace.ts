import {
  SyncError,
  type AnyModels,
  type Callback,
  type ObjectSync,
  type ObjectSyncLike,
  type SyncResult,
} from "../../index.ts";
import { eventsOf } from "./events.ts";
import { JoinedView } from "./joined-view.ts";
import { idOf, Parts } from "./parts.ts";
import { transactionOf } from "./transaction.ts";

type VisitKind = "pull" | "push" | "sync" | "register" | "repair";

/** What is no client of its own, and has all its names already. */
const made = new WeakSet();

/**
 * Several clients as one: the objects of each namespace that is named are those of its client, all
 * others, also new ones without an id, those of the first. What a client is shown of namespaces that
 * are another's is left out.
 *
 * ```ts
 * const live = new ObjectSync(url, { subscribe: [{ namespace: "player" }] });
 * const notes = new ObjectSync(url, { live: explicit, subscribe: [{ namespace: "note" }] });
 * const sync = byNamespace(live, { note: notes });
 * sync.update({ id: "note:1", text: "x" }); // waits on this device
 * await sync.sync();
 * ```
 *
 * Methods do what those of a client do, at the one whose the object is, or at all of them. But:
 *
 * - `transaction`: of objects of one client. A step about another's is refused as `invalid_payload`.
 * - `status`, `whenSynced`, `connect`, `sessionId`, and events of the connection: of the live ones; `status`
 *   is that of the least connected. If none is live, of all, and of the most connected.
 * - `pull`, `push`, `sync`, `register`, `repair`: visits of those that are not live, one after the other;
 *   results add up. The first that fails ends it: what was done stays, and what is left waits.
 * - `autoSync`, `reset`: of each that is not live, by itself.
 * - `subscribe`: to a namespace or an id at the client whose it is; to a channel or a query at all, or
 *   at none.
 * - `progress` tells of the client that is visited, and `restored` of each that has a storage.
 *
 * Clients with a `storage` must each have one of its own (another name, file or memory): of one that
 * they share, the first that opens after a reload takes what any has left, and sends it in its own way.
 *
 * Throws `bad_option`, naming the argument.
 */
export function byNamespace<Models extends object = AnyModels>(
  first: ObjectSync<Models>,
  clients: Readonly<Partial<Record<keyof Models & string, ObjectSync<Models>>>>,
): ObjectSyncLike<Models> {
  const parts = new Parts(first, checked(first, clients));
  const { all, leading, visited } = parts;
  const events = eventsOf(parts);
  const view = new JoinedView(
    all.map((client) => ({ view: client.allObjects(), has: (id) => parts.of(id) === client })),
  );
  /** How often it went offline: no visit goes on after that. */
  let departures = 0;

  const visit = (kind: VisitKind, callback?: Callback<SyncResult>): Promise<SyncResult> =>
    parts.answer(async () => {
      const departuresBefore = departures;
      const sum = { pulled: 0, pushed: 0 };
      for (const client of visited) {
        if (departures > departuresBefore) throw new SyncError("unavailable", "it went offline");
        const { pulled, pushed } = await client[kind]();
        sum.pulled += pulled;
        sum.pushed += pushed;
      }
      return sum;
    }, callback);

  const fetch = (ids: unknown, callback?: Callback<never>): Promise<never> => {
    const list: readonly unknown[] = Array.isArray(ids) ? ids : [ids];
    const asked = new Set(list.map((id) => parts.of(id)));
    const [only = first] = asked;
    if (asked.size < 2) return only.fetch(ids as never, callback as never) as Promise<never>;
    const fetchAll = async (): Promise<never> => {
      const found = new Map<unknown, unknown>();
      const fetchOf = async (client: ObjectSync<Models>): Promise<void> => {
        const own = list.filter((id) => parts.of(id) === client);
        const objects = await client.fetch(own as never[]);
        for (const [i, id] of own.entries()) found.set(id, objects[i]);
      };
      await Promise.all(Array.from(asked, fetchOf));
      return list.map((id) => found.get(id)) as never;
    };
    return parts.answer(fetchAll, callback);
  };

  const joined: ObjectSyncLike<Models> = {
    get isLive() {
      return parts.isLive;
    },
    get status() {
      return parts.status;
    },
    get pending() {
      return all.reduce((sum, { pending }) => sum + pending, 0);
    },
    get sessionId() {
      return leading[0]?.sessionId;
    },
    pendingOperations: () => all.flatMap((client) => client.pendingOperations()),
    isConnected: () => parts.isConnected,
    connect: () => leading.forEach((client) => client.connect()),
    disconnect: () => {
      departures += 1;
      for (const client of all) client.disconnect();
    },
    setAuth: (auth) => all.forEach((client) => client.setAuth(auth)),
    signOut: () => {
      departures += 1;
      return settled(all.map((client) => client.signOut()));
    },
    close: () => {
      const closing = settled(all.map((client) => client.close()));
      closing.catch(() => undefined);
      return closing;
    },
    whenSynced: () => every(leading.map((client) => client.whenSynced())),

    pull: (callback) => visit("pull", callback),
    push: (callback) => visit("push", callback),
    sync: (callback) => visit("sync", callback),
    register: (callback) => visit("register", callback),
    repair: (callback) => visit("repair", callback),
    autoSync: (everyMs) => visited.forEach((client) => client.autoSync(everyMs)),
    reset: () => {
      departures += 1;
      return settled(visited.map((client) => client.reset()));
    },

    get: (id) => parts.of(id).get(id),
    allObjects: () => view,
    save: (object, callback) => parts.of(idOf(object)).save(object, callback),
    create: (object, callback) => parts.of(idOf(object)).create(object, callback),
    update: (object, callback) => parts.of(idOf(object)).update(object, callback),
    destroy: (id, callback) => parts.of(id).destroy(id, callback),
    transaction: transactionOf(parts),
    fetch,
    subscribe: (topic) => {
      const { namespace, id } = Object(topic) as { namespace?: string; id?: string };
      const of = namespace === undefined ? id : `${namespace}:`;
      if (of !== undefined) return parts.of(of).subscribe(topic);
      const subscriptions = all.map((client) => client.subscribe(topic));
      const unsubscribe = (): void => subscriptions.forEach((undo) => undo());
      const ready = every(subscriptions.map((one) => one.ready));
      ready.catch(unsubscribe);
      return Object.assign(unsubscribe, { ready });
    },
    ...events,
    object: (id) => parts.of(id).object(id),
    namespace: (name) => parts.of(`${name}:`).namespace(name),
  };
  made.add(joined);
  return joined;
}

/** The clients that are named, by namespace. */
function checked<Models extends object>(
  first: ObjectSync<Models>,
  clients: Readonly<Partial<Record<string, ObjectSync<Models>>>>,
): ReadonlyMap<string, ObjectSync<Models>> {
  demand(isClient(first), "first", "the first argument must be a client");
  const isTable = Object.prototype.toString.call(clients) === "[object Object]";
  demand(isTable && !isClient(clients), "clients", "the second argument must have clients by name");
  for (const [name, client] of Object.entries(clients)) {
    const isName = name !== "" && !name.includes(":");
    demand(isName, name, "a namespace is what ids begin with, without the colon");
    demand(isClient(client), name, `what is given for ${name} must be a client`);
    demand(client !== first, name, "the first client has all that is not named: do not name it");
  }
  return new Map(Object.entries(clients as Record<string, ObjectSync<Models>>));
}

function isClient(value: unknown): boolean {
  const { isLive, transaction } = Object(value) as Partial<ObjectSync>;
  const isOne = typeof isLive === "boolean" && typeof transaction === "function";
  return isOne && !made.has(value as object);
}

function demand(isRight: boolean, property: string, message: string): void {
  if (!isRight) throw new SyncError("bad_option", message, { property });
}

/** Resolves with all of them. It may reject without harm when nobody looks. */
function every(promises: readonly Promise<unknown>[]): Promise<void> {
  const all = Promise.all(promises).then(() => undefined);
  all.catch(() => undefined);
  return all;
}

/** Waits for all, and then rejects as the first of them that has. */
async function settled(promises: readonly Promise<unknown>[]): Promise<void> {
  await Promise.allSettled(promises);
  await every(promises);
}
