import type { IncomingMessage, ServerResponse } from "node:http";
import { readJson } from "../../index.ts";
import type { AccessTokens } from "./access-tokens.ts";
import type { PlasmidAccounts } from "./accounts-contract.ts";
import { checkRevision, type Database } from "./database.ts";
import type { Hub } from "./hub.ts";
import { pushedOf } from "./pushed.ts";
import { badRequest, denied, Refusal, refusalOf } from "./refusal.ts";
import { signIn } from "./sign-in.ts";

export interface ServiceOptions {
  readonly accounts: PlasmidAccounts;
  readonly hub: Hub;
  readonly tokens: AccessTokens;
  readonly bodyBytesMax: number;
  readonly bodyValuesMax: number;
  readonly bodyTimeoutMs: number;
  readonly signUp: boolean;
}

/** A request on its way. */
interface Call {
  readonly request: IncomingMessage;
  readonly method: string;
  /** What the address has below the service's own path. */
  readonly parts: readonly string[];
}

/**
 * What the service answers over HTTP:
 *
 *     GET d/DB/  GET d/DB/clone  GET d/DB/update/REV  POST d/DB/update/
 *     POST a/  GET a/TOKEN  POST a/TOKEN
 *
 * Refusals that the published client looks for (`outofdate`, `quota`, an account that exists) are
 * answered with 200, as it reads nothing else; all others with the status that says what they are.
 */
export class Service {
  readonly #options: ServiceOptions;

  constructor(options: ServiceOptions) {
    this.#options = options;
  }

  /** For `server.http(path, ...)`. */
  listener(path: string): (request: IncomingMessage, response: ServerResponse) => Promise<void> {
    return async (request, response) => {
      try {
        const parts = partsOf(request.url ?? "", path);
        send(response, 200, await this.#answer({ request, method: request.method ?? "", parts }));
      } catch (error) {
        const refusal = refusalOf(error);
        if (refusal === undefined) throw error; // for the server to tell
        send(response, refusal.status, refusal.body);
      }
    };
  }

  async #answer(call: Call): Promise<object> {
    const [kind, ...rest] = call.parts;
    if (kind === undefined) {
      only(call, "GET", "HEAD");
      return { service: "Plasmid Sync", api: "/v1/" };
    }
    if (kind === "d") return this.#database(call, rest);
    if (kind === "a") return this.#access(call, rest);
    throw nothingHere();
  }

  async #database(call: Call, [name, action, revision, ...more]: string[]): Promise<object> {
    const { accounts, hub } = this.#options;
    const by = await signIn(call.request, accounts);
    if (name === undefined || more.length > 0) throw nothingHere();
    const isPush = action === "update" && revision === undefined;
    const isKnown = action === undefined || ["clone", "update"].includes(action);
    if (!isKnown || (action !== "update" && revision !== undefined)) throw nothingHere();
    only(call, ...(isPush ? ["POST"] : ["GET", "HEAD"]));
    const wanted = isPush ? "WriteDatabase" : "ReadDatabase";
    if ((await accounts.permits(by, wanted, name)) === undefined) throw denied(wanted);
    const database = await this.#opened(by, name, hub);
    if (isPush) return this.#push(call, by, name, database);
    if (action === undefined) return database.info();
    if (revision === undefined) return database.clone();
    return database.updates(checkRevision(revision));
  }

  async #opened(by: string, name: string, hub: Hub): Promise<Database> {
    const found = await hub.find(name);
    if (found !== undefined) return found;
    const isAllowed = await this.#options.accounts.permits(by, "CreateDatabase", name);
    if (isAllowed === undefined) throw denied("CreateDatabase");
    return hub.create(name);
  }

  async #push(call: Call, by: string, name: string, database: Database): Promise<object> {
    const pushed = pushedOf(await this.#bodyOf(call));
    const quota = await this.#options.accounts.permits(by, "DatabaseQuota", name);
    // Who may do everything has no quota by that.
    const value = quota?.permission === "DatabaseQuota" ? quota.value : undefined;
    return database.push(pushed, value);
  }

  async #access(call: Call, [name, ...more]: string[]): Promise<object> {
    const { accounts, tokens, signUp } = this.#options;
    const isAnonymous = call.request.headers.authorization === undefined;
    const mayBeNobody = signUp && isAnonymous && name === undefined;
    const by = mayBeNobody ? undefined : await signIn(call.request, accounts);
    if (more.length > 0) throw nothingHere();
    only(call, ...(name === undefined ? ["POST"] : ["GET", "HEAD", "POST"]));
    if (by === undefined || name === undefined) return tokens.create(by, await this.#bodyOf(call));
    if (call.method !== "POST") return tokens.permissions(by, name);
    return tokens.grant(by, name, await this.#bodyOf(call));
  }

  /**
   * The published client names no type: a program's request has this one then, or none. A page's form can
   * post text as well, without asking first, but neither with this type nor with an `Authorization`.
   */
  #bodyOf({ request }: Call): Promise<unknown> {
    const { headers } = request;
    const type = headers["content-type"] ?? "text/plain;charset=utf-8";
    if (/^text\/plain; *charset=utf-8$/i.test(type)) headers["content-type"] = "application/json";
    if (headers["if-match"] !== undefined) {
      throw new Refusal(412, "precondition", "nothing here has an ETag, so none matches");
    }
    const { bodyBytesMax: bytesMax, bodyValuesMax: valuesMax } = this.#options;
    return readJson(request, { bytesMax, valuesMax, timeoutMs: this.#options.bodyTimeoutMs });
  }
}

function partsOf(url: string, path: string): string[] {
  const below = url.slice(path.length).split("?", 1)[0] ?? "";
  const parts = below.split("/").filter((part) => part !== "");
  try {
    const decoded = parts.map((part) => decodeURIComponent(part));
    return path !== "/v1" && decoded[0] === "v1" ? decoded.slice(1) : decoded; // "/plasmid/v1/d/..."
  } catch {
    throw badRequest("the address cannot be read");
  }
}

function only({ method }: Call, ...methods: string[]): void {
  if (methods.includes(method)) return;
  const allowed = methods.join(", ");
  throw new Refusal(405, "badmethod", `there is only ${allowed} here`, { allowed });
}

function nothingHere(): Refusal {
  return new Refusal(404, "notfound", "there is nothing here");
}

function send(response: ServerResponse, status: number, body: object): void {
  const text = JSON.stringify(body);
  response.setHeader("Content-Type", "application/json; charset=utf-8");
  response.setHeader("Cache-Control", "no-store");
  // Not Basic: browsers would ask the user, and show what they were told to pages of any origin.
  if (status === 401) response.setHeader("WWW-Authenticate", 'xBasic realm="Plasmid Sync"');
  const { allowed, retryAfterMs } = body as { allowed?: string; retryAfterMs?: number };
  if (status === 405 && allowed !== undefined) response.setHeader("Allow", allowed);
  if (retryAfterMs !== undefined) {
    response.setHeader("Retry-After", String(Math.ceil(retryAfterMs / 1_000)));
  }
  if (!response.req.complete) response.setHeader("Connection", "close"); // the rest is not waited for
  response.writeHead(status, { "Content-Length": Buffer.byteLength(text) });
  response.end(response.req.method === "HEAD" ? undefined : text);
}
