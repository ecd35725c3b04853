import { readFile } from "node:fs/promises";
import { bundleScript, type PageFile } from "../bundle.ts";

const page = new URL("./page/", import.meta.url);

const types: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  css: "text/css; charset=utf-8",
  svg: "image/svg+xml",
};

/** What the two pages consist of, by path: the pair of phones, and what is on each of them. */
export async function pageFiles(): Promise<ReadonlyMap<string, PageFile>> {
  const plain: readonly [path: string, file: string][] = [
    ["/", "index.html"],
    ["/device", "device.html"],
    ...["colours.css", "index.css", "device.css", "conflict.css", "icon.svg"].map(
      (name): [string, string] => [`/${name}`, name],
    ),
  ];
  const [files, scripts] = await Promise.all([
    Promise.all(plain.map(([path, name]) => plainFile(path, name))),
    Promise.all(["device", "worker"].map(scriptFiles)),
  ]);
  return new Map([...files, ...scripts.flat()]);
}

async function plainFile(path: string, name: string): Promise<[string, PageFile]> {
  const type = types[name.split(".")[1] ?? ""] ?? "";
  return [path, { type, body: await readFile(new URL(name, page)) }];
}

async function scriptFiles(name: string): Promise<[string, PageFile][]> {
  const [script, map] = await bundleScript(page, name);
  return [
    [`/${name}.js`, { type: "text/javascript; charset=utf-8", body: script }],
    [`/${name}.js.map`, { type: "application/json", body: map }],
  ];
}
