import { SyncError } from "../lib/errors.ts";

/** Of which pages clients may connect: of exactly these origins, or of any. */
export type Origins = readonly string[] | "*";

/** What a browser says of the page that a request comes from, which no page can change. */
export interface PageRequest {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Whether the request came over TLS to this very process. */
  readonly isEncrypted: boolean;
}

/** Throws `bad_option` for what no browser would ever send. */
export function checkOrigins(origins: unknown): Origins | undefined {
  if (origins === undefined || origins === "*") return origins;
  const isOrigin = (one: unknown): boolean => typeof one === "string" && originOf(one) === one;
  if (Array.isArray(origins) && origins.every(isOrigin)) return origins as string[];
  const message = `the option origins must be "*" or a list of origins, as "https://example.com"`;
  throw new SyncError("bad_option", message, { property: "origins" });
}

/** By which these pages may poll as well, where WebSockets are blocked. */
export function corsFor(origins: Origins): { origin: "*" | string[]; credentials: boolean } {
  return origins === "*"
    ? { origin: origins, credentials: false }
    : { origin: [...origins], credentials: true };
}

/**
 * Whether a page's client may connect. Without `origins` the page must be this server's own, by the
 * Host that it was asked for. What is no browser sends no Origin, and could send any: it may connect.
 *
 * Browsers apply the same-origin policy, and CORS, to polling alone: to a WebSocket any page may
 * connect, with the user's cookies, unless the server looks at its Origin.
 */
export function isWelcome(request: PageRequest, origins: Origins | undefined): boolean {
  if (origins === "*") return true;
  const { origin, "sec-fetch-site": site } = request.headers;
  // A page's plain GET has no Origin: of another site, it would be no more than a waste.
  if (origin === undefined) return site !== "cross-site" && site !== "same-site";
  if (typeof origin !== "string") return false;
  return origins?.includes(origin) ?? isOwn(origin, request);
}

function isOwn(origin: string, { headers, isEncrypted }: PageRequest): boolean {
  if (originOf(origin) !== origin) return false; // "null" as well, of files and of pages in a sandbox
  const { host } = headers;
  const { protocol } = new URL(origin);
  // Where a proxy ends TLS, only it knows; here nobody may have come in plain text in between.
  if (protocol !== "https:" && (protocol !== "http:" || isEncrypted)) return false;
  return typeof host === "string" && originOf(`${protocol}//${host}`) === origin;
}

function originOf(url: string): string | undefined {
  return URL.canParse(url) ? new URL(url).origin : undefined;
}
