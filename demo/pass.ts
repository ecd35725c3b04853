import { createHash, randomBytes } from "node:crypto";
import type { RequestListener } from "node:http";
import { type Credentials, SyncError } from "../server/index.ts";
import { playerPrefix } from "./kinds.ts";

/** By which a page is a player, for as long as the page lives. */
export interface Pass {
  /** The id of the player's avatar, for everybody to know. */
  readonly id: string;
  readonly secret: string;
}

/** Somebody with a pass. */
export interface Player {
  readonly id: string;
}

const secretBytes = 18;
const secretText = /^[\w-]{24}$/;
const idLength = 16;

/** Answers requests for `/pass` with a new one, and leaves all others to `next`. */
export function servePasses(next: RequestListener): RequestListener {
  return (request, response) => {
    if (request.url !== "/pass" || request.method !== "GET") {
      next(request, response);
      return;
    }
    response.writeHead(200, { "content-type": "application/json", "cache-control": "no-store" });
    response.end(JSON.stringify(newPass()));
  };
}

function newPass(): Pass {
  const secret = randomBytes(secretBytes).toString("base64url");
  return { id: idOf(secret), secret };
}

/**
 * The id follows from the secret, and nobody finds the secret from the id. So there is nothing to keep
 * of a pass: it is as good after the server was started anew.
 */
function idOf(secret: string): string {
  const digest = createHash("sha256").update(secret).digest("base64url");
  return playerPrefix + digest.slice(0, idLength);
}

/** Who has no pass is let in to watch. Throws `unauthenticated` for what is not one. */
export function authenticate({ auth }: Pick<Credentials, "auth">): Player | undefined {
  if (auth === undefined || auth === null) return undefined;
  const { secret } = auth as { readonly secret?: unknown };
  if (typeof secret === "string" && secretText.test(secret)) return { id: idOf(secret) };
  throw new SyncError("unauthenticated", "this is no pass: a new one is at /pass");
}

/** The player that an identity is; a spectator is none. */
export function playerIn(identity: unknown): Player | undefined {
  return identity as Player | undefined;
}
