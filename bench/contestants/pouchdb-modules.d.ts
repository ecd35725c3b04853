/** The part of PouchDB that is used here; its own types describe an earlier version. */
declare module "pouchdb" {
  interface Stored {
    readonly _id: string;
    readonly _rev: string;
  }

  interface Found<Doc> {
    readonly rows: readonly { readonly doc: Doc & Stored }[];
  }

  interface Replicated {
    readonly ok: boolean;
    readonly docs_written: number;
    readonly doc_write_failures: number;
  }

  class PouchDB<Doc extends object> {
    constructor(name: string);
    static defaults(options: { readonly prefix: string }): typeof PouchDB;
    static sync<Doc extends object>(
      here: PouchDB<Doc>,
      there: string,
    ): Promise<{ readonly push: Replicated; readonly pull: Replicated }>;
    bulkDocs(
      docs: readonly (Doc & { readonly _id: string; readonly _rev?: string })[],
    ): Promise<readonly { readonly error?: unknown }[]>;
    allDocs(options: {
      readonly include_docs: true;
      readonly keys?: readonly string[];
    }): Promise<Found<Doc>>;
  }

  export default PouchDB;
}

declare module "express-pouchdb" {
  import type { RequestListener } from "node:http";
  import type PouchDB from "pouchdb";

  export default function expressPouchDb(
    pouch: typeof PouchDB,
    options: { readonly mode: "minimumForPouchDB" },
  ): RequestListener;
}
