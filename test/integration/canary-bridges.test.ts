import { afterEach, expect, test } from "@jest/globals";
import { silently } from "../../server/index.ts";
import { Accounts } from "../../server/plugins/accounts/index.ts";
import { persistenceSync } from "../../server/plugins/persistence-sync/index.ts";
import { packValue, Plasmid } from "../../server/plugins/plasmid/index.ts";
import { SpyScene } from "../support/spy-scene.ts";
import { Stage } from "../support/stage.ts";

/*
 * Canaries over the bridges' HTTP: what the account that asks may not read is in no byte of any answer, be
 * it a list, what came since, an error or the answer to a write that collides with what is hidden.
 */

const stage = new Stage();
afterEach(() => stage.clear());

const PATHS = ["/cards", "/files", "/players", "/near", "/whole"];

async function bridged(handlers: object = {}): Promise<SpyScene> {
  const scene = await SpyScene.open(stage, { handlers });
  scene.sync.use(
    persistenceSync({
      resources: {
        "/cards": { namespace: "card" },
        "/files": { namespace: "file" },
        "/players": { namespace: "player" },
        "/near": { namespace: "player", filter: { hand: { $exists: true } } },
        "/whole": { namespace: "card", ids: "whole" },
      },
      authenticate: scene.identify,
    }),
  );
  return scene;
}

const posting = (body: unknown, headers: Record<string, string> = {}): RequestInit => ({
  method: "POST",
  headers: { "Content-Type": "application/json", ...headers },
  body: typeof body === "string" ? body : JSON.stringify(body),
});

/** Asks for all that there is, and for what came since each of these stamps. */
async function listAsEve(scene: SpyScene, stamps: number[]): Promise<void> {
  for (const path of PATHS) {
    for (const since of ["", "?since=0", ...stamps.map((stamp) => `?since=${String(stamp)}`)]) {
      const { status, text } = await scene.askAsEve(path + since);
      expect(status).toBe(200);
      if (since === "") stamps.push((JSON.parse(text) as { now: number }).now);
    }
  }
}

/** Writes that are wrong, or about what is hidden from her; with the status of each. */
async function writeAsEve(scene: SpyScene): Promise<number[]> {
  const bodies = [
    [{ id: "0" }],
    [{ id: "0", owner: "eve", values: 1 }],
    [{ id: "0", _removed: true }],
    [{ id: "card:0", owner: "eve" }],
    [{ id: "card:0", _removed: true }],
    [{ id: "0", hand: "mine", level: 9 }],
    [{ id: "0", [scene.privateName.slice(0, 6)]: 1 }],
    [{ id: "0", seed: 1 }],
    [{ id: "0", values: [], _lastChange: 1 }],
    [
      { id: "new", owner: "eve" },
      { id: "0", owner: "eve" },
    ],
    [{ id: "0", __proto__x: { deep: [[[]]] } }],
    [{ id: 0 }, null],
    "[{",
    { id: "0" },
  ];
  const statuses: number[] = [];
  for (const path of PATHS) {
    for (const body of bodies) statuses.push((await scene.askAsEve(path, posting(body))).status);
  }
  return statuses;
}

test("persistence.js's resources tell Eve nothing: in lists, since, errors and collisions", async () => {
  const scene = await bridged();
  const stamps: number[] = [1];
  for (let i = 0; i < 6; i++) await scene.plant(i);
  await listAsEve(scene, stamps);
  const statuses: number[] = [];
  for (let round = 1; round <= 3; round++) {
    await scene.stir(round);
    statuses.push(...(await writeAsEve(scene)));
    for (const { id, owner } of [...scene.sync.allObjects().values()]) {
      if (owner === "eve") await scene.sync.destroy(id); // or the next round would be for her eyes
    }
    if (round < 3) await scene.sync.destroy(`card:${String(round)}`);
    await listAsEve(scene, stamps.slice(-5));
  }
  for (const path of [...PATHS, "/cards/0", "/players/../cards"]) {
    await scene.askAsEve(`${path}?since=x`);
    await scene.askAsEve(path, { method: "PUT", body: "{}" });
    await scene.askAsEve(path, posting("[]", { Authorization: "ann" }));
    await scene.askAsEve(path, posting("[]", { "Content-Type": "text/plain" }));
    await scene.askAsEve(path, posting("[]", { "If-Match": "*" }));
  }
  // Some were taken, and what was hers is gone: all kinds were tried.
  expect(new Set(statuses)).toEqual(new Set([200, 400, 403, 410]));
  expect(scene.leaks).toEqual([]);

  for (const path of PATHS) await (await scene.askAsAnn(path)).text();
  const { readableToAnn, toldToAnn } = scene;
  expect(readableToAnn.length).toBeGreaterThan(100);
  expect(readableToAnn.filter((name) => !toldToAnn.includes(name))).toEqual([]);
});

test("what is revoked, and comes back, tells Eve no more than that it is gone", async () => {
  const scene = await bridged();
  scene.cleared.add("eve");
  await scene.sync.create({ id: "file:1", owner: "ann", text: "for Eve as well" });
  const before = await scene.askAsEve("/files");
  expect(before.text).toContain("for Eve as well");
  scene.cleared.delete("eve");
  await scene.sync.revoke();
  await scene.sync.update({ id: "file:1", values: scene.canaries.values() });
  const { now } = JSON.parse(before.text) as { now: number };
  const after = await scene.askAsEve(`/files?since=${String(now)}`);
  expect(JSON.parse(after.text)).toMatchObject({ updates: [{ id: "1", _removed: true }] });
  await scene.askAsEve("/files", posting([{ id: "1", text: "mine" }]));
  expect(scene.leaks).toEqual([]);
});

test("handlers that fail, or bring in what is hidden, tell Eve nothing by her write", async () => {
  let secret = "";
  const scene = await bridged({
    fetch: (ids: readonly string[]) =>
      ids.map((id) => (id.startsWith("card:db") ? { id, owner: "ann", text: secret } : null)),
    update: (object: { id: string }) => {
      if (object.id === "player:1") throw new Error(secret);
      return silently(object as never);
    },
  });
  secret = scene.canaries.text();
  for (let i = 0; i < 2; i++) await scene.plant(i);
  scene.sync.on("error", () => undefined);
  for (const id of ["db1", "0", "1"]) {
    for (const path of PATHS) {
      for (const item of [{ id, level: 1 }, { id, _removed: true }, { id: `card:${id}` }]) {
        const { status } = await scene.askAsEve(path, posting([item]));
        expect(status).not.toBe(0);
      }
    }
  }
  await listAsEve(scene, []);
  expect(scene.leaks).toEqual([]);
});

test("Plasmid Sync's service tells Eve nothing of a database that is not hers", async () => {
  const scene = await SpyScene.open(stage);
  const { canaries, sync } = scene;
  const accounts = new Accounts({ cost: { N: 2, r: 1, p: 1 }, failuresPerMinuteMax: 1_000 });
  sync.use(accounts.plugin).use(new Plasmid({ accounts, signUp: true }).plugin);
  const passwords = { ann: canaries.text(), eve: "a secret of Eve's" };
  for (const [name, secret] of Object.entries(passwords)) await accounts.create(name, secret);
  const hidden = canaries.text();
  for (const permission of ["CreateDatabase", "ReadDatabase", "WriteDatabase"]) {
    await accounts.grant("ann", permission, "anns");
    await accounts.grant("ann", permission, hidden);
    await accounts.grant("eve", permission, "eves");
  }
  await accounts.grant("ann", "WriteDatabase", "drop");
  await accounts.grant("ann", "CreateDatabase", "drop");
  await accounts.grant("ann", "ReadDatabase", "drop");
  await accounts.grant("eve", "WriteDatabase", "drop"); // where she may put things, and read none
  await accounts.grant("eve", "DatabaseQuota", "drop", "100");
  const basic = (name: string, secret: string) => ({
    Authorization: `Basic ${Buffer.from(`${name}:${secret}`).toString("base64")}`,
  });
  const [anns, eves] = [basic("ann", passwords.ann), basic("eve", passwords.eve)];

  const data = () => ({
    notes: Object.fromEntries(
      [0, 1].map((i) => [`key-${String(i)}`, packValue(canaries.values())]),
    ),
    [canaries.text()]: { [canaries.text()]: canaries.text() },
  });
  const push = (revision: number, pushed: object) =>
    posting({ last_revision: revision, data: pushed });
  for (const database of ["anns", "drop", hidden]) {
    let revision = 1;
    for (let round = 0; round < 2; round++) {
      const said = await scene.askAsAnn(`/v1/d/${database}/update/`, {
        ...push(revision, data()),
        headers: { "Content-Type": "application/json", ...anns },
      });
      ({ revision } = (await said.json()) as { revision: number });
      expect(revision).toBe(round + 2);
    }
  }

  const wrong = [
    eves,
    basic("eve", "wrong"),
    basic("ann", passwords.eve),
    basic("ann", ""),
    { Authorization: "" },
  ];
  const mine = { notes: { "key-0": 1, "key-2": packValue("x") } };
  const tries: [path: string, init: RequestInit][] = [
    ...["", "/clone", "/update/0", "/update/1", "/update/2", "/update/99", "/update/x"].map(
      (action): [string, RequestInit] => [action, {}],
    ),
    ...[0, 1, 2, 3, 4].map((revision): [string, RequestInit] => ["/update/", push(revision, mine)]),
    ["/update/", push(3, { notes: { "key-0": "x".repeat(1_000) } })],
    ["/update/", push(3, { "a:b": {} })],
    ["/update/", posting("{")],
    ["/update/", posting({ last_revision: 3 })],
  ];
  const statuses = new Set<number>();
  for (const authorization of wrong) {
    const ask = async (path: string, init: RequestInit = {}): Promise<void> => {
      const headers = { ...(init.headers as object), ...authorization };
      statuses.add((await scene.askAsEve(path, { ...init, headers })).status);
    };
    for (const database of ["anns", "drop", "eves"]) {
      for (const [action, init] of tries) await ask(`/v1/d/${database}${action}`, init);
    }
    for (const name of ["ann", "eve", "nobody"]) {
      await ask(`/v1/a/${name}`);
      const grant = { permission: "ReadDatabase", resource: "anns", value: "Yes" };
      await ask(`/v1/a/${name}`, posting(grant));
      await ask("/v1/a/", posting({ access: name, secret: "known" }));
    }
    await ask("/v1/");
    await ask("/v1/x");
    await ask("/plasmid/v1/d/anns/clone");
  }
  expect(statuses).toEqual(new Set([200, 400, 401, 403, 404]));
  expect(scene.leaks).toEqual([]);

  for (const database of ["anns", "drop", hidden]) {
    await (await scene.askAsAnn(`/v1/d/${database}/clone`, { headers: anns })).text();
  }
  // What the second push has replaced nobody is told any more; her secret is not told either.
  expect(scene.toldToAnn.length).toBeGreaterThan(30);
});

/** Eve posts one item at a path, and is told this. */
async function postedAsEve(
  scene: SpyScene,
  path: string,
  item: Record<string, unknown>,
): Promise<string> {
  const { status, text } = await scene.askAsEve(path, posting([item]));
  const { now: _, ...answer } = JSON.parse(text) as Record<string, unknown>;
  return `${String(status)} ${JSON.stringify(answer).replaceAll(String(item["id"]), "ID")}`;
}

test("a write of what is hidden is answered as one of what never was", async () => {
  const scene = await bridged();
  await scene.plant(0);
  const cards = [...scene.sync.allObjects().keys()].filter((id) => id.startsWith("card:"));
  const hidden = cards.map((id) => id.slice("card:".length));
  expect(hidden).toHaveLength(2);
  scene.sync.use(
    persistenceSync({
      resources: { "/mine": { namespace: "card", filter: { owner: "eve" } } },
      authenticate: scene.identify,
    }),
  );
  for (const path of ["/cards", "/mine"]) {
    for (const item of [{ _removed: true }, { level: 1 }, { owner: "ann" }, {}]) {
      const absent = await postedAsEve(scene, path, { id: `never-${path.slice(1)}`, ...item });
      for (const id of hidden) {
        expect([item, await postedAsEve(scene, path, { id, ...item })]).toEqual([item, absent]);
      }
    }
  }
});

test("who may not see an object any more is told that once, and not whenever it changes", async () => {
  const scene = await bridged();
  await scene.sync.create({ id: "file:plan", round: 0 });
  scene.cleared.add("eve");
  const stamps: number[] = [];
  const told = async (): Promise<unknown> => {
    const since = stamps.at(-1) === undefined ? "" : `?since=${String(stamps.at(-1))}`;
    const { text } = await scene.askAsEve(`/files${since}`);
    const { now, updates } = JSON.parse(text) as { now: number; updates: object[] };
    stamps.push(now);
    return updates.map((update) => ("_removed" in update ? "removed" : "shown"));
  };
  expect(await told()).toEqual(["shown"]);
  scene.cleared.delete("eve");
  await scene.sync.update({ id: "file:plan", round: 1 });
  expect(await told()).toEqual(["removed"]);
  // She asks again, as her answer was lost.
  stamps.pop();
  expect(await told()).toEqual(["removed"]);
  await scene.sync.update({ id: "file:plan", round: 2 });
  expect(await told()).toEqual([]);
  // To have it removed tells no more, nor does it from then on.
  expect(await postedAsEve(scene, "/files", { id: "plan", _removed: true })).toMatch(/^200 /);
  await scene.sync.destroy("file:plan");
  expect(await told()).toEqual([]);
  await scene.sync.create({ id: "file:plan", round: 3 });
  expect(await told()).toEqual([]);
  scene.cleared.add("eve");
  await scene.sync.update({ id: "file:plan", round: 4 });
  expect(await told()).toEqual(["shown"]);
  await scene.sync.destroy("file:plan");
  expect(await told()).toEqual(["removed"]);
});
