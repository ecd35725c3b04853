import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { writeExample } from "../support/doc-example.ts";
import { ServerProcess } from "../support/server-process.ts";
import { Stage, urlOf } from "../support/stage.ts";

/** docs/AUTH.md: the servers and the client that it shows, each as a process of its own. */

const root = join(import.meta.dirname, "../..");
const TELLS_PORT = /ready on \S+:(\d+)/;

const stage = new Stage();
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "object-sync-"));
  stage.afterwards(() => rmSync(folder, { recursive: true }));
});

afterEach(() => stage.clear());

async function serve(name: string, env: Record<string, string>): Promise<ServerProcess> {
  const server = await ServerProcess.start(
    writeExample("docs/AUTH.md", name, folder),
    TELLS_PORT,
    0,
    env,
  );
  stage.afterwards(() => server.kill());
  return server;
}

test("an account of the example signs in, writes its own notes and no others", async () => {
  const env = { STORE: join(folder, "worlds.db"), FIRST_SECRET: "correct horse" };
  const { port } = await serve("accounts.mjs", env);
  const auth = { name: "ann", secret: "correct horse" };
  const client = await stage.join(urlOf(port), { auth });
  await client.create({ id: "note:ann:1" });
  await expect(client.create({ id: "note:bob:1" })).rejects.toMatchObject({ code: "forbidden" });
  const stranger = stage.client(urlOf(port), { auth: { ...auth, secret: "wrong horse" } });
  await expect(stranger.whenSynced()).rejects.toMatchObject({ code: "unauthenticated" });
  const thief = stage.client(urlOf(port), { auth, world: "accounts" });
  await expect(thief.whenSynced()).rejects.toMatchObject({ code: "unknown_world" });
}, 60_000);

test("the client of the example goes on over the end of its tokens, and signs out", async () => {
  const secret = "a secret of more than thirty-two bytes";
  const server = await serve("tokens.mjs", { TOKEN_SECRET: secret, TOKEN_SECONDS: "2" });
  const file = join(root, writeExample("docs/AUTH.md", "notes.mjs", folder));
  const runner = join(root, "test/support/run-from-source.mjs");
  const { stdout } = await promisify(execFile)(process.execPath, [runner, file], {
    cwd: root,
    env: {
      ...process.env,
      NODE_OPTIONS: "",
      TS_NODE_PROJECT: join(root, "tsconfig.json"),
      URL: urlOf(server.port),
      SECONDS: "4",
    },
  });
  expect(stdout).toMatch(/connected\n(disconnected: token_expired\nconnected\n)+/);
  expect(stdout).toMatch(/wrote \d+\n.*offline 0\n/s);
  expect(server.output).toContain("ann is here");
}, 60_000);
