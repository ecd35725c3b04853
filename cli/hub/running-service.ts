import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { join } from "node:path";
import { SyncError, type ErrorData } from "../../lib/index.ts";
import { readJson } from "../../server/index.ts";
import { administer } from "./admin.ts";
import type { OpenHub } from "./open-hub.ts";

/*
 * A world is one process's at a time: whoever opened a hub beneath a service would depose it. So a
 * service notes where it is, and by what it knows those who may read the hub directory; and commands
 * are done by the service, while there is one.
 */

interface Service {
  readonly port: number;
  readonly host: string;
  readonly token: string;
}

const PATH = "/plasmid-admin";
const CHALLENGE = "x-challenge";
const ANSWER_MS = 30_000;

function noteIn(hubPath: string): string {
  return join(hubPath, "service.json");
}

/** Takes commands from now on. Returns what is called once it listens. */
export function takeCommands(
  hub: OpenHub,
  hubPath: string,
): (port: number, host: string | undefined) => void {
  const token = randomBytes(32).toString("base64url");
  hub.sync.http(PATH, (request, response) => answer(hub, token, request, response));
  return (port, host = "127.0.0.1") => {
    const note = JSON.stringify({ port, host, token } satisfies Service);
    rmSync(noteIn(hubPath), { force: true }); // so that the mode is that of a new file
    writeFileSync(noteIn(hubPath), note, { mode: 0o600 });
    process.on("exit", () => {
      // By now the note may be of another service, which has taken the hub.
      if (serviceOf(hubPath)?.token === token) rmSync(noteIn(hubPath), { force: true });
    });
  };
}

async function answer(
  hub: OpenHub,
  token: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (request.method === "GET") {
    response.end(proofOf(token, String(request.headers[CHALLENGE])));
    return;
  }
  if (!areSame(request.headers.authorization ?? "", `Bearer ${token}`)) {
    throw new SyncError("forbidden", "this is for the command object-sync");
  }
  const { name, args } = (await readJson(request)) as { name: string; args: string[] };
  if (typeof name !== "string" || !Array.isArray(args) || !args.every(isText)) {
    throw new SyncError("invalid_payload", "a command is { name, args }");
  }
  const result = await administer(hub, name, args);
  response.setHeader("Content-Type", "application/json");
  response.end(JSON.stringify({ result }));
}

/** What only who knows the token can answer to a challenge. */
function proofOf(token: string, challenge: string): string {
  return createHmac("sha256", token).update(challenge).digest("base64url");
}

function areSame(shown: string, wanted: string): boolean {
  const [a, b] = [Buffer.from(shown), Buffer.from(wanted)];
  return a.length === b.length && timingSafeEqual(a, b);
}

function isText(value: unknown): boolean {
  return typeof value === "string";
}

/** The service that has a hub open; undefined when there is none, or there was one that was killed. */
export function serviceOf(hubPath: string): Service | undefined {
  try {
    return JSON.parse(readFileSync(noteIn(hubPath), "utf8")) as Service;
  } catch {
    return undefined;
  }
}

/** Has a service do it. Undefined when nobody is there any more; else what it has answered. */
export async function askService(
  service: Service,
  name: string,
  args: readonly string[],
): Promise<{ readonly result: unknown } | undefined> {
  // The port may be another program's by now, which must not be told secrets.
  const challenge = randomBytes(32).toString("base64url");
  const proof = await request(service, { method: "GET", headers: { [CHALLENGE]: challenge } });
  if (proof === undefined) return undefined;
  if (!areSame(await proof.text(), proofOf(service.token, challenge))) return undefined;
  const response = await request(service, {
    method: "POST",
    headers: { authorization: `Bearer ${service.token}`, "content-type": "application/json" },
    body: JSON.stringify({ name, args }),
  });
  const answer = (await response?.json()) as { result: unknown } | ErrorData | undefined;
  if (answer === undefined || "result" in answer) return answer;
  throw SyncError.from(answer);
}

/** Undefined when there is nobody. */
async function request({ host, port }: Service, init: RequestInit): Promise<Response | undefined> {
  const place = host.includes(":") ? `[${host}]` : host;
  try {
    const signal = AbortSignal.timeout(ANSWER_MS);
    return await fetch(`http://${place}:${String(port)}${PATH}`, { ...init, signal });
  } catch (cause) {
    if ((cause as Error).name !== "TimeoutError") return undefined;
    const message = "the service that has the hub open does not answer";
    throw new SyncError("timeout", message, { cause });
  }
}
