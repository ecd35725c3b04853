// The house's rules, for what the house's own check leaves out: see bench/package.json.
import { defineConfig } from "eslint/config";
import house from "../eslint.config.mjs";

export default defineConfig(
  { ignores: [".cache/", "results/", "**/*.mjs"] },
  house.filter((part) => part.ignores === undefined),
  {
    languageOptions: {
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
  },
);
