import js from "@eslint/js";
import { defineConfig } from "eslint/config";
import tseslint from "typescript-eslint";

/** What would make lib/ depend on when and where it runs; see lib/environment.ts. */
const impureGlobals = [
  "setTimeout",
  "setInterval",
  "setImmediate",
  "clearTimeout",
  "clearInterval",
  "clearImmediate",
  "queueMicrotask",
  "requestAnimationFrame",
  "performance",
  "crypto",
  "process",
  "Buffer",
  "console",
  "fetch",
  "window",
  "document",
  "navigator",
  "globalThis",
];
const pure = "lib/ is deterministic: time and chance come in through lib/environment.ts.";

export default defineConfig(
  // bench/ needs the types of the peers, which only it installs: it has a check of its own.
  { ignores: ["dist/", ".cache/", "tools/everywhere.d.ts", "bench/"] },
  js.configs.recommended,
  tseslint.configs.strictTypeChecked,
  {
    languageOptions: {
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      eqeqeq: "error",
      // There are no enums here, and to look for them takes a tenth of the time.
      "@typescript-eslint/no-unsafe-enum-assignment": "off",
      "@typescript-eslint/switch-exhaustiveness-check": [
        "error",
        { considerDefaultExhaustiveForUnions: true },
      ],
      "@typescript-eslint/no-unused-vars": [
        "error",
        { argsIgnorePattern: "^_", varsIgnorePattern: "^_" },
      ],
      // A hook may answer with something, or with nothing.
      "@typescript-eslint/no-invalid-void-type": "off",
      // Numbers print well, and `() => void work()` is how an arrow says that it returns nothing.
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      "@typescript-eslint/no-confusing-void-expression": ["error", { ignoreArrowShorthand: true }],
    },
  },
  {
    files: ["lib/**"],
    rules: {
      "no-restricted-globals": ["error", ...impureGlobals.map((name) => ({ name, message: pure }))],
      "no-restricted-properties": [
        "error",
        { object: "Date", property: "now", message: pure },
        { object: "Math", property: "random", message: pure },
      ],
      "no-restricted-syntax": [
        "error",
        { selector: "NewExpression[callee.name='Date'][arguments.length=0]", message: pure },
        { selector: "CallExpression[callee.name='Date']", message: pure },
      ],
      "no-restricted-imports": [
        "error",
        {
          paths: [
            { name: "nanoid", importNames: ["nanoid", "random", "customAlphabet"], message: pure },
          ],
        },
      ],
    },
  },
  {
    // tsc knows better (checkJs), as it does for TypeScript.
    files: ["**/*.mjs"],
    rules: { "no-undef": "off" },
  },
);
