import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { ObjectSync } from "../../client/index.ts";
import { launchBrowser } from "../support/browser.ts";
import { eventually } from "../support/eventually.ts";

const root = join(import.meta.dirname, "../..");
const readme = readFileSync(join(root, "README.md"), "utf8");

/** What `npm pack` needs: a copy, so that the project's own dist stays as it is meanwhile. */
const SOURCES = [
  "lib",
  "server",
  "client",
  "schema",
  "tools",
  "package.json",
  "tsconfig.json",
  "tsconfig.build.json",
];
/** What the package depends on, as an install would put it beside the package. */
const BESIDE = [
  "socket.io",
  "socket.io-client",
  "socket.io-parser",
  "eventemitter3",
  "nanoid",
  "@photostructure/sqlite",
];

let folder: string;
let project: string;
const running: ChildProcess[] = [];

/** An example of the README, by the name in the comment above it. */
function example(name: string): string {
  const start = readme.indexOf(`<!-- example: ${name} -->`);
  const code = /```\w+\n([\s\S]*?)```/.exec(start < 0 ? "" : readme.slice(start))?.[1];
  if (code === undefined) throw new Error(`the README has no example ${name}`);
  return code;
}

function run(cwd: string, command: string, ...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, encoding: "utf8" });
  if (status !== 0) throw new Error(`${command} ${args.join(" ")}:\n${stdout}${stderr}`);
  return stdout;
}

/** Runs an example of the README in Node, and resolves when it has printed what `tells` finds. */
async function start(name: string, tells: RegExp, env: object): Promise<string> {
  writeFileSync(join(project, name), example(name));
  const child = spawn(process.execPath, [name], {
    cwd: project,
    env: { ...process.env, ...env, NODE_OPTIONS: "" },
  });
  running.push(child);
  let output = "";
  return new Promise((resolve, reject) => {
    const read = (chunk: unknown): void => {
      output += String(chunk);
      const found = tells.exec(output);
      if (found !== null) resolve(found[1] ?? found[0]);
    };
    child.stdout.on("data", read);
    child.stderr.on("data", read);
    child.once("exit", () => reject(new Error(`${name} ended:\n${output}`)));
  });
}

/** A port that was free a moment ago, for an example that does not print its own. */
async function freePort(): Promise<number> {
  const { createServer } = await import("node:net");
  return new Promise((resolve) => {
    const server = createServer().listen(0, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" ? (address?.port ?? 0) : 0));
    });
  });
}

function killAll(): void {
  for (const child of running.splice(0)) child.kill("SIGKILL");
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "object-sync-readme-"));
  const clone = join(folder, "clone");
  for (const source of SOURCES)
    cpSync(join(root, source), join(clone, source), { recursive: true });
  symlinkSync(join(root, "node_modules"), join(clone, "node_modules"));
  // As tools/build.mjs does it, which would first look after the installation.
  run(clone, process.execPath, "node_modules/typescript/bin/tsc", "-p", "tsconfig.build.json");
  const bundle = 'import("./tools/bundle.mjs").then(({ bundleClient }) => bundleClient())';
  run(clone, process.execPath, "-e", bundle);
  run(clone, "npm", "pack", "--silent", "--ignore-scripts", "--pack-destination", folder);

  project = join(folder, "project");
  const modules = join(project, "node_modules");
  mkdirSync(modules, { recursive: true });
  writeFileSync(join(project, "package.json"), JSON.stringify({ private: true, type: "module" }));
  run(folder, "tar", "-xzf", "object-sync-0.1.0.tgz", "-C", modules);
  run(modules, "mv", "package", "object-sync");
  mkdirSync(join(modules, "@photostructure"));
  for (const name of BESIDE) symlinkSync(join(root, "node_modules", name), join(modules, name));
}, 120_000);

afterAll(() => {
  killAll();
  rmSync(folder, { recursive: true, force: true });
});

test("the server and the client of the README run on the packed tarball", async () => {
  const url = await start("server.mjs", /ready on (\S+)/, { PORT: "0" });
  expect(await start("client.mjs", /decided: (\w+)/, { URL: url })).toBe("true");
});

test("the page of the README shows the lamp, and switches it for everybody", async () => {
  const url = await start("server.mjs", /ready on (\S+)/, { PORT: "0" });
  const html = join(project, "lamp.html");
  writeFileSync(html, example("lamp.html").replaceAll("http://localhost:3000", url));
  const sync = new ObjectSync(url);
  const browser = await launchBrowser();
  try {
    const page = await browser.newPage();
    await page.goto(pathToFileURL(html).href);
    await page.getByRole("button", { name: "off" }).click();
    await page.getByRole("button", { name: "on" }).waitFor();
    await sync.whenSynced();
    await eventually(() => sync.get("lamp")?.["on"] === true); // the page showed it at once
    await sync.save({ id: "lamp", on: false });
    await page.getByRole("button", { name: "off" }).waitFor();
  } finally {
    await browser.close();
    await sync.close();
  }
}, 60_000);

test("the typed example of the README compiles, and a wrong type does not", () => {
  const tsconfig = {
    compilerOptions: {
      strict: true,
      module: "nodenext",
      target: "es2022",
      noEmit: true,
      types: [],
    },
    files: ["typed.mts"],
  };
  tsconfig.compilerOptions = { ...tsconfig.compilerOptions, lib: ["es2022", "dom"] } as never;
  writeFileSync(join(project, "tsconfig.json"), JSON.stringify(tsconfig));
  const tsc = join(root, "node_modules/typescript/bin/tsc");
  writeFileSync(join(project, "typed.mts"), example("typed.mts"));
  run(project, process.execPath, tsc, "-p", ".");
  const wrong = `${example("typed.mts")}\nawait sync.save({ id: "player:ada", x: "not a number" });\n`;
  writeFileSync(join(project, "typed.mts"), wrong);
  expect(() => run(project, process.execPath, tsc, "-p", ".")).toThrow(/not a number|number/);
}, 60_000);

test("the handlers of the README keep a database, give ids, and refuse", async () => {
  const port = String(await freePort());
  await start("handlers.mjs", /ready/, { PORT: port });
  const sync = new ObjectSync(`http://localhost:${port}`);
  const milk = await sync.fetch("1");
  expect(milk).toEqual({ id: "1", text: "buy milk" });
  const bread = await sync.save({ text: "buy bread" });
  expect(bread).toEqual({ id: "2", text: "buy bread" });
  await expect(sync.save({ id: "2", text: "" })).rejects.toMatchObject({
    code: "refused",
    message: "a todo needs a text",
  });
  expect(sync.get("2")).toEqual({ id: "2", text: "buy bread" });
  await sync.destroy("1");
  expect(await sync.fetch("1")).toBeNull();
  await sync.close();
});

test("the README's notes are written offline, sent by the next process, and outlive the server", async () => {
  const port = String(await freePort());
  const url = `http://localhost:${port}`;
  await start("offline.mjs", /^(stored)$/m, { URL: url });
  killAll();
  await start("durable.mjs", /ready/, { PORT: port });
  expect(await start("offline.mjs", /^notes: (\d+)$/m, { URL: url })).toBe("2");
  const sync = new ObjectSync(url);
  await eventually(() => sync.allObjects().size === 2);
  killAll();
  await start("durable.mjs", /ready/, { PORT: port });
  expect(await start("offline.mjs", /^decided: (\w+)$/m, { URL: url })).toBe("durable");
  await eventually(() => sync.allObjects().size === 3);
  await sync.create({ id: "cursor:7", x: 1 });
  killAll();
  await start("durable.mjs", /ready/, { PORT: port });
  await eventually(() => sync.status === "synced" && sync.get("cursor:7") === undefined);
  const texts = [...sync.allObjects().values()].map(({ text }) => text);
  expect(texts).toEqual(Array.from({ length: 3 }, () => "written at any time"));
  await sync.close();
}, 60_000);
