/**
 * Where a client keeps what must survive a reload. Only primitives: what is kept, and when, is the
 * client's business. Keys and values are any text: empty, large, with NUL or half a surrogate pair.
 *
 * Whoever makes a storage gets one opening of a place (a name, a file, a memory), which is opened
 * when it is first used. Other openings of the same place, in other tabs and processes, see the same;
 * what they keep at the same time is decided key by key, by who comes last.
 *
 * Every method rejects with SyncError `storage_failed` when the medium cannot do it (full, blocked,
 * damaged, deleted meanwhile: never a silent empty start), and with `closed` after `close`.
 */
export interface ClientStorage {
  /**
   * All that is kept under keys that begin with the prefix, in the order of the keys (as `<` has it).
   * Sees every write of this opening that was called before, and none in part.
   */
  read(prefix: string): Promise<readonly (readonly [key: string, value: string])[]>;
  /**
   * Keeps all of these changes or none; undefined removes. The changes are taken at once: the map is
   * the caller's again. Resolves when they would survive the end of the process (and as far as the
   * medium can, of the power). When it rejects, none is kept. Writes take effect in the order of
   * their calls.
   */
  write(changes: ReadonlyMap<string, string | undefined>): Promise<void>;
  /**
   * Takes a name that nobody else holds, in any tab, window or process that uses the same place;
   * resolves with what gives it back, or undefined when it is taken, by this opening or another. The
   * end of the holder, however it comes, gives it back, and so does `close`. Giving back never throws.
   */
  lock(name: string): Promise<(() => void) | undefined>;
  /** Idempotent. Finishes the writes that were called before. Nothing that is kept goes. */
  close(): Promise<void>;
}
