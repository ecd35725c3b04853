export { SyncError } from "../lib/errors.ts";
export type { Callback } from "../lib/callback.ts";
export type { Changes, Properties, SyncObject, Value } from "../lib/object.ts";
export type { ChangeCheck, CheckedChange } from "./change-checks.ts";
export { authenticated } from "./authenticated.ts";
export type { Authenticated } from "./authenticated.ts";
export { closeOnSignals } from "./close-on-signals.ts";
export type { SignalOptions } from "./close-on-signals.ts";
export { silently } from "./handlers.ts";
export type {
  HandlerCallback,
  HandlerContext,
  HandlerName,
  Handlers,
  WriteStep,
} from "./handlers.ts";
export type { ChangeContext, HostedWorld, WorldEvents } from "./hosted-world.ts";
export { ObjectSync, ObjectSyncServer } from "./object-sync-server.ts";
export type { Permission, PropertyRule, Rule, Rules, UpdatePermission } from "./rules.ts";
export type { ChannelsOf } from "./views/channels.ts";
export type { Topic } from "../lib/topics.ts";
export type { Plugin, WorldOptions } from "./object-sync-server.ts";
export type { ConflictMode, Conflicts } from "./conflicts.ts";
export type { References } from "../lib/references.ts";
export type { IdentityKey } from "./identity.ts";
export type { Authorize, WriteRequest } from "./authorization.ts";
export type { Credentials, ServerOptions } from "./options.ts";
export type { SessionInfo } from "./session.ts";
export type { HttpListener } from "./http-door.ts";
export type { ChangesSince, ObjectChange } from "./changes-reading.ts";
export type { ChangesOptions, CommitOptions, WorldAccess, Written } from "./world-access.ts";
export type { Cursor } from "../lib/delta.ts";
export { ownTurn } from "./own-turn.ts";
export { readJson } from "./read-json.ts";
export type { ReadJsonOptions } from "./read-json.ts";
export { ledgerOnly } from "./stores/ledger-only.ts";
export { MemoryStore } from "./stores/memory.ts";
export type {
  DecidedMutation,
  SettledMutations,
  Store,
  StoreBatch,
  StoreCapabilities,
  StoredWorld,
} from "./stores/store.ts";
