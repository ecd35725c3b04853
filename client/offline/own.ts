/** For a storage of one's own: `object-sync/storage/testing` has the checks that it must pass. */
export { persist } from "../keeping/persist.ts";
