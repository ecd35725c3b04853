import { equalValues } from "../../../lib/index.ts";
import { SyncError, type SyncObject, type WriteRequest } from "../../index.ts";
import { checkRequest, isRequestId, isServersId } from "./lease-request.ts";
import type { Requests } from "./requests.ts";

export interface GuardOptions {
  readonly world: string;
  readonly ttlMaxMs: number;
  readonly requestsPerClientMax: number;
}

/**
 * What clients may do with leases, whatever the application's rules say: make requests, destroy their
 * own, and update their own with what these hold already. Such an update changes nothing. It is how a
 * client says that it lives, and how a write names the lease that it depends on; so here it is
 * refused, with the whole write, when the lease is lost. Asked at the moment of the commit.
 */
export class Guard {
  readonly #requests: Requests;
  readonly #options: GuardOptions;

  constructor(requests: Requests, options: GuardOptions) {
    this.#requests = requests;
    this.#options = options;
  }

  readonly authorize = ({ session, operation, object }: WriteRequest): boolean => {
    if (session.world !== this.#options.world) return true;
    const { client } = session;
    const { id } = operation;
    if (isServersId(id)) return false;
    if (!isRequestId(id)) return true;
    if (operation.kind === "create") {
      if (object !== undefined) return true; // refused as `exists`
      checkRequest(id, operation.properties, this.#options.ttlMaxMs);
      this.#checkNumber(client, id);
      this.#requests.expect(id, client);
      return true;
    }
    if (object === undefined) {
      if (operation.kind === "destroy") return true;
      throw lost(id);
    }
    const owner = this.#requests.ownerOf(id);
    if (owner === undefined) throw lost(id); // nobody knows any more whose it was
    if (owner !== client) return false;
    if (operation.kind !== "update") return true;
    checkUnchanged(object, operation.changes);
    this.#requests.renew(id);
    return true;
  };

  #checkNumber(client: string, id: string): void {
    const { requestsPerClientMax } = this.#options;
    if (this.#requests.countOf(client) < requestsPerClientMax) return;
    const message = `a client has at most ${String(requestsPerClientMax)} requests for leases`;
    throw new SyncError("limit_exceeded", message, { id });
  }
}

function checkUnchanged(object: SyncObject, changes: Readonly<Record<string, unknown>>): void {
  const { id } = object;
  for (const [property, value] of Object.entries(changes)) {
    if (equalValues(object[property], value as never)) continue;
    if (property === "fence") throw lost(id);
    throw new SyncError("forbidden_field", "a request for a lease cannot be changed", {
      id,
      property,
    });
  }
}

function lost(id: string): SyncError {
  return new SyncError("lease_lost", "the lease that this write names is lost", { id });
}
