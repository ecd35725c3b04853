import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

export interface PageFile {
  readonly type: string;
  readonly body: string | Uint8Array;
}

const page = new URL("./page/", import.meta.url);

/** Everything the page consists of, by path. Its TypeScript becomes one script, in memory. */
export async function bundlePage(): Promise<ReadonlyMap<string, PageFile>> {
  const [html, css, icon, [script, map]] = await Promise.all([
    readFile(new URL("index.html", page)),
    readFile(new URL("style.css", page)),
    readFile(new URL("icon.svg", page)),
    bundleScript(page, "main"),
  ]);
  return new Map([
    ["/", { type: "text/html; charset=utf-8", body: html }],
    ["/style.css", { type: "text/css; charset=utf-8", body: css }],
    ["/icon.svg", { type: "image/svg+xml", body: icon }],
    ["/main.js", { type: "text/javascript; charset=utf-8", body: script }],
    ["/main.js.map", { type: "application/json", body: map }],
  ]);
}

/** The script that a TypeScript file in this folder is for a browser, and its source map. */
export async function bundleScript(
  folder: URL,
  name: string,
): Promise<[script: string, map: string]> {
  const path = fileURLToPath(folder);
  const { outputFiles } = await build({
    entryPoints: [join(path, `${name}.ts`)],
    outdir: path,
    write: false,
    bundle: true,
    minify: true,
    platform: "browser",
    format: "esm",
    target: "es2022",
    sourcemap: "linked",
    logLevel: "warning",
  });
  const text = (end: string): string => {
    const file = outputFiles.find((one) => one.path.endsWith(end));
    if (file === undefined) throw new Error(`esbuild made no ${end} file.`);
    return file.text;
  };
  return [text(".js"), text(".map")];
}
