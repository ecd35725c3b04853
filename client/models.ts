import type { Properties } from "../lib/object.ts";

/** What an ObjectSync without a type argument holds: any objects. */
export interface AnyModels {
  readonly [namespace: string]: Properties;
}

/** The namespaces that have a model; also ids of single objects, which have no colon. */
export type ModelName<Models> = keyof Models & string;

/** The part of an id before its first colon, or all of it. */
type NamespaceOf<Id extends string> = Id extends `${infer Name}:${string}` ? Name : Id;

/** The one model of an id that is spelt out in the program; otherwise any of them. */
type ModelOf<Models, Id extends string> =
  NamespaceOf<Id> extends infer Name extends keyof Models ? Models[Name] : Models[keyof Models];

/** Not `string`, nor a pattern or brand of it: as keys, these demand no property. */
type IsSpeltOut<Text extends string> =
  Partial<Record<Text, unknown>> extends Record<Text, unknown> ? false : true;

/** The id itself, unless it is spelt out and there is no model for it: then those that there are. */
export type IdIn<Models, Id extends string> = Id extends string
  ? IsSpeltOut<NamespaceOf<Id>> extends false
    ? Id
    : NamespaceOf<Id> extends keyof Models
      ? Id
      : ModelName<Models> | `${ModelName<Models>}:${string}`
  : never;

/** What may be missing from an object can be removed from it, or be given as undefined. */
type Removable<Model, Name extends keyof Model> =
  Partial<Pick<Model, Name>> extends Pick<Model, Name> ? undefined : never;

// These distribute over a union of models, so that it stays one.
type Held<Model> = Model extends object ? { readonly id: string } & Readonly<Model> : never;
type Whole<Model> = Model extends object
  ? { readonly [Name in keyof Model as Exclude<Name, "id">]: Model[Name] | Removable<Model, Name> }
  : never;

/** Without models: any object, also one of an interface, which has no index signature. No array. */
type Anything<Identity> = Identity &
  ({ readonly [name: string]: unknown } | (object & { readonly [Symbol.iterator]?: never }));

/** An object as the application holds it: read it, and change it through `save`. */
export type ObjectOf<Models, Id extends string = string> = Held<ModelOf<Models, Id>>;

/** What can be written to an object with such an id: some of its properties. */
export type ChangesOf<Models, Id extends string> = string extends keyof Models
  ? Anything<{ readonly id: Id }>
  : { readonly id: IdIn<Models, Id> } & Partial<Whole<ModelOf<Models, Id>>>;

/** An object to create: all that its model demands, and an id if it is to have a chosen one. */
export type NewObject<Models, Id extends string = string> = string extends keyof Models
  ? Anything<{ readonly id?: Id | undefined }>
  : { readonly id?: IdIn<Models, Id> | undefined } & Whole<ModelOf<Models, Id>>;

/** What `save` takes: changes of an object when there is an id, and all of a new one otherwise. */
export type SavedObject<Models, Id extends string> = ChangesOf<Models, Id> | NewObject<Models, Id>;

/** Collects what is to be written as one. Every method throws what is wrong with its argument. */
export interface ModelTransaction<Models> {
  /** Updates the object of this id, or creates one when there is no id. Returns the id. */
  save<Id extends string>(object: SavedObject<Models, Id>): string;
  /** Creates an object, under a new id if it has none. Returns the id. */
  create<Id extends string>(object: NewObject<Models, Id>): string;
  /** Changes only the properties that are given; undefined removes one. Returns the id. */
  update<Id extends string>(object: ChangesOf<Models, Id>): string;
  destroy<Id extends string>(id: IdIn<Models, Id>): void;
}
