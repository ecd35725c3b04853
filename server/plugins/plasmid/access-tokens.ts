import { randomBytes } from "node:crypto";
import { SyncError } from "../../index.ts";
import type { PlasmidAccounts } from "./accounts-contract.ts";
import { checkAccess, checkGrant } from "./checks.ts";
import type { Hub } from "./hub.ts";
import { badRequest, denied, Refusal } from "./refusal.ts";

const TOKEN_BYTES = 18;
/** What an account may do with the database that was made for it. */
const OWNED = ["CreateDatabase", "ReadDatabase", "WriteDatabase"];
/** These limit who has them: so nobody may pass on, or change, their own. */
const LIMITING: ReadonlySet<string> = new Set(["DatabaseQuota"]);

/** The resource `a/`: accounts, and what they are permitted. */
export class AccessTokens {
  readonly #accounts: PlasmidAccounts;
  readonly #hub: Hub;

  constructor(accounts: PlasmidAccounts, hub: Hub) {
    this.#accounts = accounts;
    this.#hub = hub;
  }

  /** Makes an account, with a database of its own. */
  async create(by: string | undefined, body: unknown): Promise<object> {
    const { access = randomToken(), secret = randomToken(), type } = fieldsOf(body);
    for (const [name, value] of Object.entries({ access, secret, type })) {
      if (value === undefined && name === "type") continue;
      if (typeof value !== "string") throw badRequest(`${name} must be a text`);
    }
    const name = access as string;
    checkAccess(name);
    if (
      by !== undefined &&
      (await this.#accounts.permits(by, "CreateAccount", name)) === undefined
    ) {
      throw denied("CreateAccount");
    }
    // Of a name that nobody can have been granted anything on, nor have written to.
    const dbname = `${name}-${randomToken()}`;
    await this.#hub.reserve(dbname); // or there would be an account that never gets a database
    const grants = OWNED.map((permission) => ({ permission, resource: dbname, value: "Yes" }));
    try {
      // What it may do comes with it: it can make the database itself, should this process end before that.
      await this.#accounts.create(name, secret as string, grants);
      await this.#hub.create(dbname);
    } catch (error) {
      if (!(error instanceof SyncError) || error.code !== "exists") throw error;
      throw new Refusal(200, "exists", "Access token already exists");
    } finally {
      this.#hub.giveBack(dbname);
    }
    return { success: { access: name, secret, dbname } };
  }

  async permissions(by: string, name: string): Promise<object> {
    const isAllowed =
      by === name || (await this.#accounts.permits(by, "ReadAccount", name)) !== undefined;
    if (!isAllowed) throw denied("ReadAccount");
    return { permissions: await this.#accounts.grants(name) };
  }

  /** Who has a permission may give it to others, on what they have it on. */
  async grant(by: string, name: string, body: unknown): Promise<object> {
    const { permission, resource, value } = fieldsOf(body);
    for (const [field, given] of Object.entries({ permission, resource })) {
      if (typeof given !== "string" || given === "") throw badRequest(`${field} must be a text`);
    }
    const isValue = typeof value === "string" || typeof value === "number" || value === true;
    if (!isValue || value === "") throw badRequest("Permission must have a value");
    const wanted = permission as string;
    const own = await this.#accounts.permits(
      by,
      LIMITING.has(wanted) ? "*" : wanted,
      resource as string,
    );
    if (own === undefined) {
      const error = "Must have a permission to grant it.";
      throw new Refusal(403, "permission", error, { authorized: false, permission: wanted });
    }
    const granted = value === true ? "Yes" : String(value);
    checkGrant(wanted, granted);
    await this.#accounts.grant(name, wanted, resource as string, granted);
    return { success: { access: name, permission, resource, value } };
  }
}

function fieldsOf(body: unknown): Readonly<Record<string, unknown>> {
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    throw badRequest("the body must be an object");
  }
  const fields = Object.entries(body).filter(([, value]) => value !== null);
  return Object.fromEntries(fields);
}

function randomToken(): string {
  return randomBytes(TOKEN_BYTES).toString("base64url");
}
