import { SyncError, type EventName, type ObjectSync, type ObjectSyncLike } from "../../index.ts";
import { idOf, type Parts } from "./parts.ts";

interface Listening {
  readonly name: EventName;
  readonly listener: unknown;
  readonly undo: () => void;
}

/** What is told of the connections, by those that count. */
const OF_CONNECTION: readonly EventName[] = ["status", "synced", "connect", "disconnect"];

/** Has listeners hear of what happens to each object from the client whose it is. */
export function eventsOf<Models extends object>(
  parts: Parts<Models>,
): Pick<ObjectSyncLike<Models>, "on" | "once" | "off"> {
  const all = new Set<Listening>();
  const isTold = (
    name: EventName,
    client: ObjectSync<Models>,
    [first]: readonly unknown[],
  ): boolean => {
    if (name === "create" || name === "update" || name === "add") {
      return parts.of(idOf(first)) === client;
    }
    if (name === "destroy" || name === "remove") return parts.of(first) === client;
    if (name === "connect") return parts.isConnected;
    return name !== "synced" || parts.status === "synced";
  };
  const listen = (name: EventName, listener: unknown, isOnce: boolean): (() => void) => {
    if (typeof listener !== "function") {
      throw new SyncError("invalid_payload", "a listener must be a function");
    }
    const clients = OF_CONNECTION.includes(name) ? parts.leading : parts.all;
    const undos = clients.map((client) =>
      client.on(name, (...args: readonly unknown[]) => {
        if (!isTold(name, client, args)) return;
        if (isOnce) undo();
        (listener as (...args: unknown[]) => void)(
          ...(name === "status" ? [parts.status, args[1]] : args),
        );
      }),
    );
    const undo = (): void => {
      all.delete(listening);
      for (const one of undos) one();
    };
    const listening: Listening = { name, listener, undo };
    all.add(listening);
    return undo;
  };
  return {
    on: (name, listener) => listen(name, listener, false),
    once: (name, listener) => listen(name, listener, true),
    off: (name, listener) => {
      for (const one of all) if (one.name === name && one.listener === listener) one.undo();
    },
  };
}
