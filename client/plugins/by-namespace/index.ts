export { byNamespace } from "./by-namespace.ts";
