/**
 * The walls of the house: which part may import which. Types count like values. Each rule's comment
 * is what is printed when it is broken. ARCHITECTURE.md draws the same picture.
 */

const core = "^(lib|server|client)/";
const frontDoor = "^(server/object-sync-server\\.ts$|client/object-sync\\.ts$|client/offline/)";
const contract =
  "^(server/stores/(store|contract|archive)|server/authorities/authority|client/storage/storage)\\.ts$";
/** How databases keep what a batch holds. */
const sharedByStores = "^server/stores/stored-(json|world)\\.ts$";
/** What a storage says when it fails, and how browsers lock. */
const sharedByStorages = "^client/storage/(failure|browser-locks|lease)\\.ts$";
const publicIndex = "^(lib|server|client)/index\\.ts$";
/** The entry points of those stores that ask for a database, of storages, and of plugins. */
const publicExtension =
  "^(server/(stores|plugins)/[^/]+/index|client/((plugins/[^/]+|conflicts|explicit)/index|offline/[^/]+))\\.ts$";
/** What implements a contract, and what is built on the public API. */
const chosen = "^(server/(stores|authorities)|client/storage)/";
const plugins = "^((server|client)/plugins|schema)/";
/** The entry points that the command is built on. */
const operations =
  "^server/(operations|stores/(sqlite|postgres)|plugins/(accounts|plasmid))/index\\.ts$";

/** @type {import("dependency-cruiser").IConfiguration} */
export default {
  forbidden: [
    {
      name: "no-cycles",
      comment: "Two files that need each other are one file, or three. Types as well.",
      severity: "error",
      from: {},
      to: { circular: true },
    },
    {
      name: "resolvable",
      comment: "An import must lead somewhere.",
      severity: "error",
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: "lib-is-pure",
      comment: "lib/ imports only lib/, eventemitter3 and nanoid.",
      severity: "error",
      from: { path: "^lib/" },
      to: { pathNot: ["^lib/", "^node_modules/(eventemitter3|nanoid)/"] },
    },
    {
      name: "server-without-client",
      comment: "server/ imports server/, lib/ and packages.",
      severity: "error",
      from: { path: "^server/" },
      to: { path: "^(client|cli|demo|test|tools|bench)/" },
    },
    {
      name: "client-without-server",
      comment: "client/ imports client/, lib/ and packages.",
      severity: "error",
      from: { path: "^client/" },
      to: { path: "^(server|cli|demo|test|tools|bench)/" },
    },
    {
      name: "client-for-browsers",
      comment: "Only the file storage needs Node.",
      severity: "error",
      from: { path: "^(client|schema)/", pathNot: "^client/storage/file/" },
      to: { dependencyTypes: ["core"] },
    },
    {
      name: "socket.io-in-one-file",
      comment: "Only server/socket-io.ts knows socket.io.",
      severity: "error",
      from: { path: [core, "^demo/"], pathNot: "^server/socket-io\\.ts$" },
      to: { path: "^node_modules/(socket\\.io|engine\\.io)/" },
    },
    {
      name: "socket.io-client-in-one-file",
      comment: "Only client/socket-io.ts knows socket.io-client.",
      severity: "error",
      from: { path: [core, "^demo/"], pathNot: "^client/socket-io\\.ts$" },
      to: { path: "^node_modules/(socket\\.io-client|engine\\.io-client)/" },
    },
    {
      name: "socket.io-parser-in-two-files",
      comment: "Only the two socket-io.ts know socket.io's parser.",
      severity: "error",
      from: { path: [core, "^demo/"], pathNot: "^(server|client)/socket-io\\.ts$" },
      to: { path: "^node_modules/(socket\\.io-parser|engine\\.io-parser)/" },
    },
    {
      name: "contracts-stand-alone",
      comment: "A contract says what it demands in the words of lib/ and of other contracts only.",
      severity: "error",
      from: { path: contract },
      to: { pathNot: ["^lib/", contract] },
    },
    {
      name: "extensions-use-public-names",
      comment:
        "A store, authority, storage or plugin imports public indexes, the contract it implements, " +
        "files of its own folder, what its kind shares, and packages: nothing private.",
      severity: "error",
      from: {
        path: "^((?:server/(?:stores|authorities|plugins)|client/(?:storage|plugins))/[^/.]+)",
        pathNot: [contract, sharedByStores, sharedByStorages],
      },
      to: {
        path: core,
        pathNot: [publicIndex, contract, sharedByStores, sharedByStorages, "^$1(/|[-.])"],
      },
    },
    {
      name: "schema-on-both-sides",
      comment:
        "schema/ runs on servers and in browsers: it imports what lib/ exports, and packages.",
      severity: "error",
      from: { path: "^schema/" },
      to: {
        path: [core, "^(cli|demo|test|tools|bench)/"],
        pathNot: "^lib/index\\.ts$",
      },
    },
    {
      name: "ajv-in-one-folder",
      comment: "Who has no JSON Schema need not have ajv.",
      severity: "error",
      from: { path: [core, "^schema/"], pathNot: "^schema/json/" },
      to: { path: ["^node_modules/ajv/", "^schema/json/"] },
    },
    {
      name: "core-without-plugins",
      comment: "What the core needs is not a plugin.",
      severity: "error",
      from: { path: core, pathNot: plugins },
      to: { path: plugins },
    },
    {
      name: "front-doors-choose",
      comment: "Only the front doors pick default stores, authorities and storages.",
      severity: "error",
      from: { path: core, pathNot: [frontDoor, publicIndex, chosen] },
      to: { path: chosen, pathNot: contract },
    },
    {
      name: "demo-is-an-application",
      comment: "The demo and the benchmarks import what any application could.",
      severity: "error",
      from: { path: "^(demo|bench)/" },
      to: { path: [core, "^(test|tools)/"], pathNot: [publicIndex, publicExtension] },
    },
    {
      name: "command-is-an-application",
      comment: "What the command does, any application could.",
      severity: "error",
      from: { path: "^cli/" },
      to: {
        path: "^(lib|server|client|demo|test|tools|bench)/",
        pathNot: [publicIndex, operations],
      },
    },
    {
      name: "shipped-dependencies",
      comment: "What is shipped imports only what is installed with it, or asked for as a peer.",
      severity: "error",
      from: { path: [core, "^(cli|schema)/"] },
      to: {
        dependencyTypes: ["npm-dev", "npm-no-pkg", "npm-unknown"],
        dependencyTypesNot: ["npm-peer"],
      },
    },
  ],
  options: {
    tsConfig: { fileName: "tsconfig.json" },
    // Imports of types are gone after compilation, and would not be seen.
    tsPreCompilationDeps: true,
    doNotFollow: { path: "node_modules" },
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["import", "node", "default", "types"],
    },
  },
};
