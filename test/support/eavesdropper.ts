import { ByteWriter } from "../../lib/bytes.ts";
import type { Value } from "../../lib/object.ts";
import { writeValue } from "../../lib/value-codec.ts";
import type { Network } from "./network.ts";

/** Of letters and digits only, so that they look the same in every encoding, and all of one length. */
const TEXT = /canary\d{6}[0-9a-z]{10}/g;
const BASE64_RUN = /[A-Za-z0-9+/]{16,}/g;

/** What is no text, and how it looks wherever it shows up. */
interface Canary {
  readonly name: string;
  readonly forms: readonly Buffer[];
}

/** Values that are put where somebody may not read, to be looked for in all that they are told. */
export class Canaries {
  readonly #texts = new Set<string>();
  readonly #others: Canary[] = [];

  text(): string {
    const chance = Math.random().toString(36).slice(2, 12).padEnd(10, "0");
    const text = `canary${String(this.#texts.size).padStart(6, "0")}${chance}`;
    this.#texts.add(text);
    return text;
  }

  number(): number {
    const number = 2 ** 50 + Math.floor(Math.random() * 2 ** 50);
    this.#add(number, String(number));
    return number;
  }

  date(): Date {
    const date = new Date(2 ** 42 + Math.floor(Math.random() * 2 ** 41));
    this.#add(date.getTime(), date.toISOString(), String(date.getTime() / 1_000));
    return date;
  }

  bytes(): Uint8Array {
    const bytes = Uint8Array.from({ length: 12 }, () => Math.floor(Math.random() * 256));
    const json = JSON.stringify(bytes).slice(1, -1); // in braces when they are inside of a list
    this.#others.push({
      name: `bytes ${bytes.join()}`,
      forms: [Buffer.from(bytes), Buffer.from(json)],
    });
    return bytes;
  }

  /** One of each kind. */
  values(): Value[] {
    return [this.text(), this.number(), this.date(), this.bytes(), { [this.text()]: this.text() }];
  }

  /** The names of all. */
  get names(): string[] {
    return [...this.#texts, ...this.#others.map(({ name }) => name)];
  }

  /** The names of those that these bytes contain. */
  in(heard: readonly Buffer[]): string[] {
    const places = heard.flatMap(readings);
    const found = new Set<string>();
    for (const place of places) {
      for (const [text] of place.toString("latin1").matchAll(TEXT)) found.add(text);
    }
    const texts = [...found].filter((text) => this.#texts.has(text));
    const others = this.#others.filter(({ forms }) =>
      forms.some((form) => places.some((place) => place.includes(form))),
    );
    return [...texts, ...others.map(({ name }) => name)];
  }

  #add(number: number, ...texts: readonly [string, ...string[]]): void {
    const writer = new ByteWriter();
    writeValue(writer, number);
    const forms = [Buffer.from(writer.take()), ...texts.map((text) => Buffer.from(text))];
    this.#others.push({ name: texts[0], forms });
  }
}

/** As it is; and if it is no WebSocket, what is in it as base64, wherever that begins. */
function readings(bytes: Buffer): Buffer[] {
  const found = [bytes];
  if (bytes.includes("HTTP/1.1 101 ")) return found;
  for (const [run] of bytes.toString("latin1").matchAll(BASE64_RUN)) {
    for (let start = 0; start < 4; start++) found.push(Buffer.from(run.slice(start), "base64"));
  }
  return found;
}

/** Keeps every byte that a server says over a network, connection by connection. */
export class Eavesdropper {
  readonly #chunks = new Map<number, Buffer[]>();

  constructor(network: Network) {
    network.onBytesDown = (chunk, connection) => {
      const chunks = this.#chunks.get(connection);
      if (chunks === undefined) this.#chunks.set(connection, [chunk]);
      else chunks.push(chunk);
    };
  }

  /** What was said on each connection, as far as it was let through. */
  get heard(): Buffer[] {
    return Array.from(this.#chunks.values(), (chunks) => Buffer.concat(chunks));
  }

  get bytes(): number {
    return this.heard.reduce((sum, { length }) => sum + length, 0);
  }
}
