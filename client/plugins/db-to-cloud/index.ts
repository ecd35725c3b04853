export { dbToCloudDrive } from "./drive.ts";
export type { CloudDrive } from "./drive.ts";
export { DriveError } from "./drive-error.ts";
export type { DriveErrorCode } from "./drive-error.ts";
export type { DriveOptions } from "./options.ts";
