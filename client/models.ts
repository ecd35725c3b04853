import type { Properties } from "../lib/object.ts";

/** What an ObjectSync without a type argument holds: any objects. */
export interface AnyModels {
  readonly [namespace: string]: Properties;
}

/** The part of an id before its first colon. */
type NamespaceOf<Id extends string> = Id extends `${infer Namespace}:${string}` ? Namespace : Id;

/** The properties that an object with such an id has; of an unknown id, any of the models. */
type ModelOf<Models, Id extends string> = string extends Id
  ? Models[keyof Models]
  : NamespaceOf<Id> extends keyof Models
    ? Models[NamespaceOf<Id>]
    : Properties;

// These two distribute over a union of models, so that it stays one.
type Held<Model> = Model extends object ? { readonly id: string } & Readonly<Model> : never;
type Written<Model> = Model extends object
  ? { readonly [Name in Exclude<keyof Model, "id">]?: Model[Name] | undefined }
  : never;

/** Without models: any object, also one of an interface, which has no index signature. */
type Anything<Identity> = Identity | (Identity & { readonly [name: string]: unknown });

/** An object as the application holds it: read it, and change it through `save`. */
export type ObjectOf<Models, Id extends string = string> = Held<ModelOf<Models, Id>>;

/** What can be written to an object with such an id: any of its properties; undefined removes one. */
export type ChangesOf<Models, Id extends string> = string extends keyof Models
  ? Anything<{ readonly id: Id }>
  : { readonly id: Id } & Written<ModelOf<Models, Id>>;

/** An object that may not have an id yet. */
export type NewObject<Models> = string extends keyof Models
  ? Anything<{ readonly id?: string | undefined }>
  : { readonly id?: string | undefined } & Written<Models[keyof Models]>;

/** Collects what is to be written as one. Every method throws what is wrong with its argument. */
export interface ModelTransaction<Models> {
  /** Updates the object of this id, or creates one when there is no id. Returns the id. */
  save<Id extends string>(object: ChangesOf<Models, Id>): string;
  save(object: NewObject<Models>): string;
  /** Creates an object, under a new id if it has none. Returns the id. */
  create(object: NewObject<Models>): string;
  /** Changes only the properties that are given; undefined removes one. Returns the id. */
  update<Id extends string>(object: ChangesOf<Models, Id>): string;
  destroy(id: string): void;
}
