import { fault, type Fault } from "./fault.ts";

/** How clients of another version of the application's schema can be misunderstood, or be misled. */
export const VERSIONS: readonly Fault[] = [
  fault(
    "old clients are shown objects as they are now",
    "server/views/view.ts",
    "return this.audience.lower === undefined ? null : this.audience.lower(object);",
    "return null;",
    "versions",
  ),
  fault(
    "an object that has changed stays as it was to old clients",
    "server/views/view.ts",
    " || !equalValues(known.lowered, lowered)) {",
    ") {",
    "versions",
  ),
  fault(
    "old clients that may see everything are told what everyone is told",
    "server/views/views.ts",
    " && topics.isEverything && audience.lower === undefined;",
    " && topics.isEverything;",
    "versions",
  ),
  fault(
    "what an old client writes is taken as it is",
    "server/examiner.ts",
    "    return writer !== null && isRaised !== true && writer.schemaVersion !== current;\n",
    "    return writer !== null && isRaised !== true && writer.schemaVersion < 0;\n",
    "versions",
  ),
  fault(
    "what handlers have heard of is raised once more",
    "server/examiner.ts",
    "      job.isRaised = true;\n",
    "",
    "versions",
    "handlers",
  ),
  {
    ...fault(
      "old and new clients who ask for the same are shown the same",
      "server/schema-versions.ts",
      "key: `v${version} ${audience.key}`,",
      "key: audience.key,",
      "versions",
      "views",
    ),
    from: 290,
  },
];
