import type { Step } from "./fold.ts";

/**
 * What a write is recognised by, wherever it shows up: who wrote it, and its number among the
 * writer's own. Three properties carry tokens, so that writers overwrite each other only in part.
 */
export interface Token {
  readonly writer: string;
  readonly order: number;
}

export const TOKEN_PROPERTIES: readonly string[] = ["w0", "w1", "w2"];

export function tokenText({ writer, order }: Token): string {
  return `${writer}:${order}`;
}

export function parseToken(value: unknown): Token | undefined {
  if (typeof value !== "string") return undefined;
  const [writer, order] = value.split(":");
  return writer === undefined || order === undefined ? undefined : { writer, order: Number(order) };
}

/** The tokens that the steps of a write put into objects. */
export function tokensOf(steps: readonly Step[]): string[] {
  return steps.flatMap((step) => {
    if (step.kind === "destroy") return [];
    const values: object = step.kind === "create" ? step.properties : step.changes;
    return TOKEN_PROPERTIES.map((property): unknown => Reflect.get(values, property)).filter(
      (value): value is string => parseToken(value) !== undefined,
    );
  });
}

/** Who a writer is to the server: all lives and tabs of one device are the same. */
export function userOf(writer: string): string {
  return writer.split("_", 1)[0] as string;
}

/** One of many clients, all lives of it. */
export const CROWD_USER = "m0";

const CANARY = /~[\w-]+:\d+~/g;

/** A value by which it is noticed wherever it should not be: nothing else looks like it. */
export function canaryText(token: Token): string {
  return `~${tokenText(token)}~`;
}

/** The canary values in a text, or anywhere in an object. */
export function canariesIn(whole: unknown): readonly string[] {
  const text = typeof whole === "string" ? whole : JSON.stringify(whole);
  return text.includes("~") ? (text.match(CANARY) ?? []) : [];
}

/** Who has written a canary value. */
export function canaryWriter(canary: string): string {
  return parseToken(canary.slice(1))?.writer ?? "";
}
