/**
 * - `ENOENT`: there is no such file
 * - `EEXIST`: there is one already; or somebody else has the lock
 * - `ENAMETOOLONG`: the path takes more bytes than an id may have
 * - `ELOCKLOST`: somebody else has taken the lock over, and nothing was written
 * - `ESTALE`: the drive was put back to an earlier state
 */
export type DriveErrorCode = "ENOENT" | "EEXIST" | "ENAMETOOLONG" | "ELOCKLOST" | "ESTALE";

/** What a drive has to say by itself, with the codes that db-to-cloud knows. */
export class DriveError extends Error {
  override readonly name: string = "DriveError";
  readonly code: DriveErrorCode;

  constructor(code: DriveErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}

/** Somebody else has the lock: db-to-cloud knows by the name that it is to try again. */
export class LockError extends DriveError {
  override readonly name = "LockError";
  /** When the lock can be taken over if its holder is not heard of until then; in milliseconds since 1970. */
  readonly expire: number;

  constructor(expire: number) {
    const when = new Date(expire).toISOString();
    super("EEXIST", `The database is locked. If its holder is gone, it will expire at ${when}`);
    this.expire = expire;
  }
}
