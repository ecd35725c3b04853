import { SyncError } from "../../lib/errors.ts";
import { DEFAULT_LIMITS } from "../../lib/limits.ts";
import { checkId, copyChanges, type Properties } from "../../lib/object.ts";
import type { ObjectRecord } from "../../lib/entry.ts";
import { FIRST_VERSION } from "../../lib/migrations.ts";
import { toProperties } from "../../lib/operation.ts";
import { propertiesFromJson, propertiesToJson } from "../../lib/tagged-json.ts";
import { World } from "../../lib/world.ts";
import type { WorldCopy } from "../stores/archive.ts";

/*
 * A world as text, a line of JSON for each object:
 *
 *   {"format":"object-sync","version":1,"world":"default","epoch":"V1StGX","seq":12,"schemaVersion":1,"objects":2}
 *   {"id":"tree:1","height":3,"planted":{"$date":"2026-01-31T12:00:00.000Z"}}
 *   {"id":"lamp","on":true}
 *
 * `epoch` and `seq` say where it comes from, `schemaVersion` of which version of the application's
 * schema the objects are (1 without it), and `objects` whether it is whole; without it, that is not
 * known. What JSON lacks is written as lib/tagged-json says.
 */

const FORMAT = "object-sync";
const VERSION = 1;

/** How large an object may be is for each server to say, who does not ask of what it has already. */
const LIMITS = {
  ...DEFAULT_LIMITS,
  objectBytesMax: Number.MAX_SAFE_INTEGER,
  propertiesPerObjectMax: Number.MAX_SAFE_INTEGER,
};

interface Header {
  readonly world: string;
  readonly schemaVersion: number;
  readonly objects: number | undefined;
}

export function* toLines({
  name,
  epoch,
  seq,
  schemaVersion,
  objects,
}: WorldCopy): Generator<string> {
  const living = [...objects].filter(({ properties }) => properties !== null);
  const source = { world: name, epoch, seq, schemaVersion, objects: living.length };
  yield JSON.stringify({ format: FORMAT, version: VERSION, ...source });
  for (const { id, properties } of living) yield propertiesToJson({ id, ...properties });
}

/**
 * Reads lines into a new world of that epoch. Throws, naming the line: `invalid_payload` and
 * `unsupported` of what is no such file, and of an object what a server would say of its create.
 */
export async function fromLines(
  lines: Iterable<string> | AsyncIterable<string>,
  epoch: string,
  name?: string,
): Promise<WorldCopy> {
  const empty = { epoch, seq: 0, horizon: 0, nextHandle: 1, objects: [] };
  const world = new World(empty, LIMITS, 0);
  const records: ObjectRecord[] = [];
  let header: Header | undefined;
  let number = 0;
  for await (const line of lines) {
    number += 1;
    if (line.trim() === "") continue;
    try {
      if (header === undefined) header = readHeader(line);
      else records.push(create(world, propertiesFromJson(line)));
    } catch (error) {
      throw atLine(number, error);
    }
  }
  if (header === undefined) throw malformed("the file is empty: it needs a header line");
  checkWhole(header, records.length);
  const { seq, nextHandle } = world;
  const { schemaVersion } = header;
  const position = { epoch, seq, nextHandle, horizon: 0, ledgerHorizon: 0, schemaVersion };
  return { name: name ?? header.world, ...position, objects: records, decided: [] };
}

function readHeader(line: string): Header {
  const fields = propertiesFromJson(line);
  const { format, version, world, schemaVersion = FIRST_VERSION, objects } = fields;
  if (format !== FORMAT) throw malformed(`it must begin with {"format":"${FORMAT}", ...}`);
  if (typeof version !== "number") throw malformed("the header has no version");
  if (version > VERSION) {
    const message = `the file is of a later version (${version}): update object-sync`;
    throw new SyncError("unsupported", message);
  }
  if (typeof world !== "string") throw malformed("the header names no world");
  if (!Number.isSafeInteger(schemaVersion) || Number(schemaVersion) < FIRST_VERSION) {
    throw malformed("the header has no proper schemaVersion");
  }
  return {
    world,
    schemaVersion: Number(schemaVersion),
    objects: typeof objects === "number" ? objects : undefined,
  };
}

/** One commit for each object, as pages of a snapshot end between commits. */
function create(world: World, { id: given, ...rest }: Properties): ObjectRecord {
  const id = checkId(given, LIMITS);
  const properties = toProperties(copyChanges(rest, LIMITS, id));
  const { applied } = world.commit([{ kind: "create", id, properties, chosen: true }], 0);
  const [created] = applied;
  if (created === undefined) throw new Error("a create always changes something");
  return created.entry.toRecord();
}

function checkWhole({ objects }: Header, found: number): void {
  if (objects === undefined || objects === found) return;
  throw malformed(
    `the header tells of ${objects} objects, and ${found} are there: is the file whole?`,
  );
}

function malformed(message: string): SyncError {
  return new SyncError("invalid_payload", message);
}

function atLine(number: number, error: unknown): SyncError {
  if (error instanceof SyncError) {
    const data = error.toData();
    return SyncError.from({ ...data, message: `line ${number}: ${data.message}` });
  }
  const why = error instanceof Error ? error.message : String(error);
  return new SyncError("invalid_payload", `line ${number} cannot be read: ${why}`, {
    cause: error,
  });
}
