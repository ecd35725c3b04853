/** An object as anybody may hold it. */
export type PlainObject = { readonly id: string } & Readonly<Record<string, unknown>>;
