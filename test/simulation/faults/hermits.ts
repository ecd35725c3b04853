import { fault, type Fault } from "./fault.ts";

/** How objects can go where they should not, and clients forget too little or go unasked. */
export const HERMITS: readonly Fault[] = [
  fault(
    "what never leaves a client is sent",
    "client/namespaces.ts",
    "return here.length > 0;",
    "return here.length < 0;",
    "hermits",
  ),
  {
    ...fault(
      "what never leaves a client is sent by the next one",
      "client/keeping/kept-text.ts",
      "...(isLocal && { isLocal })",
      "...(isLocal && {})",
      "hermits",
    ),
    from: 46,
  },
  {
    ...fault(
      "what never leaves a client is told to be gone before that is kept",
      "client/local-objects.ts",
      "if (isKept) one.settle(undefined);",
      'if (isKept || operations.at(-1)?.kind === "destroy") one.settle(undefined);',
      "hermits",
    ),
    from: 738,
  },
  fault(
    "what only goes to the server comes from there",
    "client/namespaces.ts",
    'return way === true || way === "pull";',
    "return way !== false;",
    "hermits",
  ),
  fault(
    "what has gone to the server is gone",
    "client/settling.ts",
    "if (pushed.length > 0) news.changed(local.keep(pushed, kept.isFree));",
    "void pushed;",
    "hermits",
  ),
  fault(
    "what only comes may be written",
    "client/namespaces.ts",
    'if (wayOf(id, namespaces) !== "pull") continue;',
    'if (wayOf(id, namespaces) !== "push") continue;',
    "hermits",
  ),
  fault(
    "who forgets everything goes on syncing by itself",
    "client/explicit/visits.ts",
    '    if (error.code !== "unavailable") this.#stopAuto();\n',
    "",
    "resets",
  ),
  fault(
    "who syncs by itself does it once",
    "client/explicit/visits.ts",
    "          wait();\n        }),",
    "        }),",
    "hermits",
  ),
  fault(
    "who is to sync no more by itself goes on",
    "client/explicit/visits.ts",
    "    this.#stopAuto();\n    this.#stopAuto = () => undefined;\n    if (everyMs === 0) return;\n",
    "    this.#stopAuto = () => undefined;\n    if (everyMs === 0) return;\n",
    "hermits",
  ),
];
