import type { IncomingMessage } from "node:http";
import type { PlasmidAccounts } from "./accounts-contract.ts";
import { Refusal } from "./refusal.ts";

/** The name of the account that a request shows, by HTTP Basic. Throws what `authenticate` throws. */
export async function signIn(request: IncomingMessage, accounts: PlasmidAccounts): Promise<string> {
  const { authorization = "" } = request.headers;
  const encoded = /^basic +([a-z0-9+/=_-]+) *$/i.exec(authorization)?.[1];
  const text = Buffer.from(encoded ?? "", "base64").toString("utf8");
  const colon = text.indexOf(":");
  if (colon < 1)
    throw new Refusal(401, "unauthenticated", "an access and its secret must be given");
  const auth = { name: text.slice(0, colon), secret: text.slice(colon + 1) };
  const { headers, socket } = request;
  const address = socket.remoteAddress ?? "";
  const { name } = await accounts.authenticate({ auth, world: "", headers, address });
  return name;
}
