import { ByteWriter } from "../../../lib/bytes.ts";
import { DEFAULT_LIMITS, SERVER_LIMITS } from "../../../lib/limits.ts";
import type { Link } from "../../../lib/link.ts";
import { decodeServerMessage, type ServerMessage } from "../../../lib/messages.ts";
import { encodeMutation } from "../../../lib/mutation-codec.ts";
import type { Operation } from "../../../lib/operation.ts";
import { PROTOCOL } from "../../../lib/protocol.ts";
import { ShapeDictionary } from "../../../lib/shape-codec.ts";
import { makePropertySet, ShapeTable } from "../../../lib/shape.ts";
import { Authorizers } from "../../../server/authorization.ts";
import { ChangeChecks } from "../../../server/change-checks.ts";
import { HostedWorld, type HostedWorldOptions } from "../../../server/hosted-world.ts";
import { Lifetimes } from "../../../server/lifetimes.ts";
import { MemoryStore } from "../../../server/stores/memory.ts";
import type { FakeEnvironment } from "../client/fake-server.ts";

export const HELLO = {
  version: PROTOCOL.version,
  world: "default",
  clientId: "a-client-of-the-tests",
  cursor: { epoch: "", seq: 0 },
  auth: null,
};

/** A link that notes what it is given to send. */
export class NotedLink implements Link {
  readonly messages: ServerMessage[] = [];
  waitingBytes = 0;
  readonly incomingBytesMax = 1_000_000;
  isOpen = true;
  readonly #dictionary = new ShapeDictionary(DEFAULT_LIMITS);

  send(head: Uint8Array, body = new Uint8Array()): void {
    const bytes = Uint8Array.from([...head, ...body]);
    this.messages.push(decodeServerMessage(bytes, this.#dictionary, DEFAULT_LIMITS));
  }

  close(): void {
    this.isOpen = false;
  }
}

/** A world whose time passes when the test says so; in memory, unless given a store. */
export function openWorld(
  environment: FakeEnvironment,
  options: Partial<HostedWorldOptions> = {},
): HostedWorld {
  return new HostedWorld({
    name: "default",
    store: new MemoryStore(),
    handlers: {},
    authorizers: new Authorizers(),
    checks: new ChangeChecks(),
    flush: 0,
    lifetimes: new Lifetimes([], []),
    limits: SERVER_LIMITS,
    environment,
    ...options,
  });
}

/** A client's `n`th write, as a message. */
export function writing(n: number, operation: Operation): Uint8Array {
  const table = new ShapeTable(0, makePropertySet);
  const mutation = { seen: 0, operations: [operation] };
  const { bytes } = encodeMutation(mutation, table, () => undefined);
  const writer = new ByteWriter();
  writer.byte(PROTOCOL.fromClient.mutations);
  for (const number of [0, 0, n, bytes.length]) writer.varint(number);
  writer.raw(bytes);
  return writer.take();
}

/** Why the server has ended the connection, if it has. */
export const goodbyeOf = ({ messages }: NotedLink): ServerMessage | undefined =>
  messages.find(({ kind }) => kind === "goodbye");
