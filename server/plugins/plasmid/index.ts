export { packValue, unpackValue } from "./json-sca.ts";
export type { Json } from "./json-sca.ts";
export { Plasmid } from "./plasmid.ts";
export type { PlasmidOptions } from "./plasmid.ts";
export type { PlasmidAccounts, PlasmidGrant } from "./accounts-contract.ts";
