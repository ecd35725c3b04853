import { SyncError } from "../lib/errors.ts";
import type { Link, LinkEvents } from "../lib/link.ts";
import type { Hello } from "../lib/messages.ts";
import { PROTOCOL } from "../lib/protocol.ts";
import type { Environment } from "../lib/environment.ts";
import type { HostedWorld } from "./hosted-world.ts";
import type { ResolvedOptions } from "./options.ts";
import type { Handshake } from "./socket-io.ts";

const CLIENT_ID = /^[\w-]{8,64}$/;

/**
 * Lets a client in: its hello can be read, its version is ours, the world exists, and the
 * application knows it. Throws what to tell it otherwise.
 */
export async function admission(
  handshake: Handshake,
  worldOf: (name: string) => HostedWorld | undefined,
  options: Pick<ResolvedOptions, "authenticate" | "limits">,
  environment: Environment,
): Promise<(link: Link) => LinkEvents> {
  const hello = parseHello(handshake.hello);
  const world = worldOf(hello.world);
  if (world === undefined) {
    throw new SyncError("unknown_world", `there is no world ${hello.world.slice(0, 64)}`);
  }
  const { headers, address } = handshake;
  const credentials = { auth: hello.auth, world: hello.world, headers, address };
  const identity = await authenticated(credentials, options, environment, (cause) => {
    world.report(new SyncError("handler_failed", "authenticate failed", { cause }));
  });
  return world.reception(hello, identity);
}

async function authenticated(
  credentials: Parameters<NonNullable<ResolvedOptions["authenticate"]>>[0],
  { authenticate, limits }: Pick<ResolvedOptions, "authenticate" | "limits">,
  environment: Environment,
  onFault: (cause: unknown) => void,
): Promise<unknown> {
  if (authenticate === undefined) return undefined;
  return new Promise((resolve, reject) => {
    const cancel = environment.scheduler.after(limits.authenticateTimeoutMs, () => {
      reject(new SyncError("timeout", "the credentials could not be checked in time"));
    });
    const checking = new Promise((settle) => settle(authenticate(credentials)));
    const refuse = (cause: unknown): void => {
      // Whatever else was thrown may be about the server's inside: its message stays here.
      if (!(cause instanceof SyncError)) onFault(cause);
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
    const versions = `version ${String(PROTOCOL.version)} here, ${JSON.stringify(version)} there`;
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
  const topics = fields["topics"] as Hello["topics"]; // read by whoever knows the limits
  const place = { epoch, seq: seq as number, ...(isPart === true && { isPart }) };
  return { version, world, clientId, cursor: place, topics, auth };
}

function fieldsOf(data: unknown): Readonly<Record<string, unknown>> {
  if (typeof data === "object" && data !== null) return data as Record<string, unknown>;
  throw new SyncError("invalid_payload", "the hello cannot be read");
}
