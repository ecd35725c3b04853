import type { SyncObject } from "../lib/object.ts";

/** Those who may see the same. */
export interface Audience {
  /** The same for those who may see the same of every object. */
  readonly key: string;
  /** Whether the key would be another one now: the application has changed an identity in place. */
  hasChanged(): boolean;
  /** The properties that are hidden from somebody of some objects like this one: of most there are none. */
  mayHide(id: string): readonly string[];
  /** The properties of an object that they may not see; undefined when they may not see it at all. */
  hidden(object: SyncObject): readonly string[] | undefined;
  /**
   * An object as they know it whose version of the application's schema is an older one: null when that
   * is as it is, undefined when they may not see it or it cannot be shown. Absent for all others.
   */
  lower?(object: SyncObject): SyncObject | null | undefined;
}
