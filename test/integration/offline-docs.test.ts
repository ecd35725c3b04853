import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "@jest/globals";
import { writeExample } from "../support/doc-example.ts";

const root = join(import.meta.dirname, "../..");

async function run(name: string): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "object-sync-"));
  try {
    const example = writeExample("docs/OFFLINE.md", name, folder);
    const runner = join(root, "test/support/run-from-source.mjs");
    const { stdout } = await promisify(execFile)(process.execPath, [runner, example], {
      cwd: root,
      env: { ...process.env, PORT: "0" },
    });
    return stdout;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test("the devices of docs/OFFLINE.md come to the same", async () => {
  expect(await run("tasks.mjs")).toBe("{ id: 'task:1', title: 'oat milk', done: true }\n");
});

test("what both devices of docs/OFFLINE.md have added alike is counted twice", async () => {
  expect(await run("counter.mjs")).toBe("{ id: 'count:1', n: 2 }\n");
});

test("of the two parts in docs/OFFLINE.md one waits", async () => {
  expect(await run("by-namespace.mjs")).toBe("undefined 1\n{ id: 'note:1', text: 'x' } 0\n");
});
