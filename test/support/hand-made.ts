import { ByteWriter } from "../../lib/bytes.ts";
import { PROTOCOL, type ErrorData } from "../../lib/index.ts";
import { writeValue } from "../../lib/value-codec.ts";
import type { RawClient } from "./raw-client.ts";

/** Writes something that a proper client would not. */
export type Content = (writer: ByteWriter) => void;

export const one: Content = (writer) => writeValue(writer, 1);

/** One message of mutations, each given by what it writes after its length. */
export function mutations(first: number, ...contents: readonly Content[]): Uint8Array {
  return settling(0, first, ...contents);
}

/** The same of a client that says it knows all outcomes up to a number. */
export function settling(
  settled: number,
  first: number,
  ...contents: readonly Content[]
): Uint8Array {
  const message = new ByteWriter();
  message.byte(PROTOCOL.fromClient.mutations);
  message.varint(settled);
  message.varint(0); // no definitions
  message.varint(first);
  for (const content of contents) {
    const mutation = new ByteWriter();
    content(mutation);
    message.varint(mutation.length);
    message.raw(mutation.take());
  }
  return message.take();
}

/** A mutation of these operations. */
export function together(...operations: readonly Content[]): Content {
  return (writer) => {
    writer.varint(0); // seen
    writer.varint(operations.length);
    for (const operation of operations) operation(writer);
  };
}

/** Creates `id` with one property, whose value is what `value` writes. */
export function creating(id: string, name: string, value: Content): Content {
  return together((writer) => {
    writer.byte(PROTOCOL.operation.create | PROTOCOL.operation.chosen);
    writer.text(id);
    writeProperty(writer, name, value);
  });
}

/** Updates one property of an object, by its id or its handle. */
export function updating(target: string | number, name: string, value: Content): Content {
  return together((writer) => {
    writeTarget(writer, PROTOCOL.operation.update, target);
    writeProperty(writer, name, value);
  });
}

/** Destroys an object, by its id or its handle. */
export function destroying(target: string | number): Content {
  return together((writer) => writeTarget(writer, PROTOCOL.operation.destroy, target));
}

function writeTarget(writer: ByteWriter, operation: number, target: string | number): void {
  if (typeof target === "string") {
    writer.byte(operation);
    writer.text(target);
  } else {
    writer.byte(operation | PROTOCOL.operation.byHandle);
    writer.varint(target);
  }
}

function writeProperty(writer: ByteWriter, name: string, value: Content): void {
  writer.varint(0); // a shape by its names
  writer.varint(1);
  writer.text(name);
  value(writer);
}

/** Why mutation `n` was rejected; undefined if it was not. */
export async function refusalOf(client: RawClient, n: number): Promise<ErrorData | undefined> {
  const { outcome } = await client.until(() =>
    client.messages
      .flatMap((message) => (message.kind === "delta" ? message.outcomes : []))
      .find((decided) => decided.n === n),
  );
  return outcome.kind === "accepted" ? undefined : outcome.error;
}

/** The answer to a fetch or a subscription. */
export async function answerTo(client: RawClient, request: number) {
  const answer = await client.until(() =>
    client.messages.find((one) => one.kind === "fetched" && one.request === request),
  );
  if (answer.kind !== "fetched") throw new Error("not an answer");
  return answer;
}
