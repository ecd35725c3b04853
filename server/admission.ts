import { SyncError } from "../lib/errors.ts";
import type { Link, LinkEvents } from "../lib/link.ts";
import type { Hello } from "../lib/messages.ts";
import { FIRST_VERSION } from "../lib/migrations.ts";
import { PROTOCOL } from "../lib/protocol.ts";
import type { Environment } from "../lib/environment.ts";
import { Authenticated, type Visitor } from "./authenticated.ts";
import type { Endings } from "./endings.ts";
import { identityKey } from "./identity.ts";
import { sessionsEnded } from "./sessions.ts";
import { tokenExpired } from "./reception.ts";
import type { HostedWorld } from "./hosted-world.ts";
import type { Credentials, ResolvedOptions } from "./options.ts";
import type { Handshake } from "./socket-io.ts";
import { turnAway } from "./turn-away.ts";

const CLIENT_ID = /^[\w-]{8,64}$/;

/** What is needed to let clients in. */
export interface Door extends Pick<ResolvedOptions, "authenticate" | "limits"> {
  readonly worldOf: (name: string) => HostedWorld | undefined;
  readonly environment: Environment;
  /** In milliseconds since 1970: for what others have dated, and for nothing else. It may jump. */
  readonly timeOfDay: () => number;
  readonly endings: Endings;
}

/**
 * Lets a client in: its hello can be read, its version is ours, the world exists, and the
 * application knows it. Throws what to tell it otherwise.
 */
export async function admission(
  handshake: Handshake,
  door: Door,
): Promise<(link: Link) => LinkEvents> {
  const hello = parseHello(handshake.hello);
  const world = door.worldOf(hello.world);
  if (world === undefined) {
    throw new SyncError("unknown_world", `there is no world ${hello.world.slice(0, 64)}`);
  }
  const { headers, address } = handshake;
  const credentials = { auth: hello.auth, world: hello.world, headers, address };
  const { endings } = door;
  const asked = endings.count;
  const answer = await authenticate(credentials, door, (cause) => {
    world.report(new SyncError("handler_failed", "authenticate failed", { cause }));
  });
  const visitor = visitorOf(answer, door);
  const begin = await world.reception(hello, visitor);
  const key = identityKey(visitor.identity);
  return (link) => (endings.hasSince(asked, key) ? turnAway(link, sessionsEnded()) : begin(link));
}

/** From here on the time of day has no part in it: a clock that is set ends nobody's session. */
function visitorOf(answer: unknown, { environment, timeOfDay }: Door): Visitor {
  if (!(answer instanceof Authenticated)) return { identity: answer, endsAt: Infinity };
  const restMs = answer.expiresAt - timeOfDay();
  if (restMs <= 0) throw tokenExpired();
  return { identity: answer.identity, endsAt: environment.clock.now() + restMs };
}

async function authenticate(
  credentials: Credentials,
  { authenticate, limits, environment }: Door,
  onFault: (cause: unknown) => void,
): Promise<unknown> {
  if (authenticate === undefined) return undefined;
  return new Promise((resolve, reject) => {
    const cancel = environment.scheduler.after(limits.authenticateTimeoutMs, () => {
      reject(new SyncError("timeout", "the credentials could not be checked in time"));
    });
    const checking = new Promise((settle) => settle(authenticate(credentials)));
    const refuse = (cause: unknown): void => {
      // Whatever else was thrown may be about the server's inside: its message stays here, as a cause does.
      if (!(cause instanceof SyncError) || cause.cause !== undefined) onFault(cause);
      reject(cause instanceof SyncError ? cause : refused());
    };
    checking.then(resolve, refuse).finally(cancel);
  });
}

function refused(): SyncError {
  return new SyncError("unauthenticated", "these credentials are not accepted");
}

/** Parses what a client says of itself. Throws `invalid_payload` or `unsupported`. */
export function parseHello(data: unknown): Hello {
  const fields = fieldsOf(data);
  const { version, world, clientId, auth } = fields;
  if (version !== PROTOCOL.version) {
    // Whatever else stands there may be of any size and depth, and is not to be sent back.
    const theirs = typeof version === "number" ? version : "none";
    const versions = `version ${PROTOCOL.version} here, ${theirs} there`;
    throw new SyncError(
      "unsupported",
      `client and server do not speak the same protocol: ${versions}`,
    );
  }
  const cursor = fieldsOf(fields["cursor"]);
  const { epoch, seq, isPart } = cursor;
  if (typeof world !== "string" || typeof clientId !== "string" || !CLIENT_ID.test(clientId)) {
    throw new SyncError("invalid_payload", "the hello has no world or no proper clientId");
  }
  if (typeof epoch !== "string" || !Number.isSafeInteger(seq) || (seq as number) < 0) {
    throw new SyncError("invalid_payload", "the hello has no proper cursor");
  }
  const { schema } = fields;
  const isVersion = Number.isSafeInteger(schema) && (schema as number) >= FIRST_VERSION;
  if (schema !== undefined && !isVersion) {
    throw new SyncError("invalid_payload", "the hello has no proper schema");
  }
  const topics = fields["topics"] as Hello["topics"]; // read by whoever knows the limits
  const place = { epoch, seq: seq as number, ...(isPart === true && { isPart }) };
  return {
    version,
    world,
    clientId,
    cursor: place,
    topics,
    schema: schema as Hello["schema"],
    isStrict: fields["isStrict"] === true || undefined,
    auth,
  };
}

function fieldsOf(data: unknown): Readonly<Record<string, unknown>> {
  if (typeof data === "object" && data !== null) return data as Record<string, unknown>;
  throw new SyncError("invalid_payload", "the hello cannot be read");
}
