import { DriveError } from "./drive-error.ts";

/** Of an id, in UTF-8: `idBytesMax`. */
const BYTES_MAX = 256;
/** What no id may have, and the sign by which it is written instead. */
const UNSAYABLE = /[\0\\\p{Surrogate}]/gu;
const WRITTEN = /\\u([0-9a-f]{4})/g;

/** Which object a file is: any path has one, and no two the same. */
export class Paths {
  readonly #start: string;

  constructor(namespace: string) {
    this.#start = `${namespace}:`;
  }

  /** Throws `ENAMETOOLONG`. */
  idOf(path: string): string {
    const id = this.#start + path.replace(UNSAYABLE, written);
    if (new TextEncoder().encode(id).length <= BYTES_MAX) return id;
    throw new DriveError("ENAMETOOLONG", `the path ${path.slice(0, 64)}... is too long`);
  }

  /** What is below a folder, as seen from there, of all that there is. */
  below(folder: string, ids: Iterable<string>): string[] {
    const start = `${this.#start}${folder.replace(UNSAYABLE, written)}/`;
    const names: string[] = [];
    for (const id of ids) {
      if (!id.startsWith(start)) continue;
      names.push(id.slice(start.length).replace(WRITTEN, (_, code: string) => read(code)));
    }
    return names;
  }
}

function written(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

function read(code: string): string {
  return String.fromCharCode(Number.parseInt(code, 16));
}
