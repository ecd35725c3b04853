import { equal, fail } from "./assert.ts";
import { has, isTaken, take, takeSoon, write, type Stage } from "./stage.ts";

/** What `lock` must do. */
export const lockChecks: readonly (readonly [
  name: string,
  check: (stage: Stage) => Promise<void>,
])[] = [
  [
    "a name that is taken cannot be taken again, by the same opening or another",
    async (stage) => {
      const [one, other] = [await stage.open(), await stage.open()];
      await take(one, "name");
      await isTaken(one, "name");
      await isTaken(other, "name");
    },
  ],
  [
    "other names are free, whatever they look like",
    async (stage) => {
      const [one, other] = [await stage.open(), await stage.open()];
      const names = [
        "name",
        "Name",
        "name ",
        "",
        "-",
        "../name",
        "ä/'\"%",
        "\u0000",
        "x".repeat(500),
      ];
      for (const name of names) await take(one, name);
      for (const name of names) await isTaken(other, name);
    },
  ],
  [
    "of all who want a name at the same time one gets it",
    async (stage) => {
      const storages = [await stage.open(), await stage.open(), await stage.open()];
      for (let round = 0; round < 5; round++) {
        const name = `name ${round}`; // what was given back a moment ago may be free to nobody yet
        const results = await Promise.all(
          [...storages, ...storages].map((storage) => storage.lock(name)),
        );
        const taken = results.filter((giveBack) => giveBack !== undefined);
        equal(taken.length, 1, "one of them has it");
        taken[0]?.();
        (await takeSoon(storages[round % 3] ?? fail("there are three"), name))();
      }
    },
  ],
  [
    "a name that was given back is free, and what gave it back has no more to say",
    async (stage) => {
      const [one, other] = [await stage.open(), await stage.open()];
      const giveBack = await take(one, "name");
      giveBack();
      const giveBackNext = await takeSoon(other, "name");
      giveBack();
      await isTaken(one, "name");
      giveBackNext();
      await takeSoon(one, "name");
      giveBack();
      await isTaken(other, "name");
    },
  ],
  [
    "close gives back what was taken, and nothing of others",
    async (stage) => {
      const [one, other, third] = [await stage.open(), await stage.open(), await stage.open()];
      await take(one, "a");
      await take(one, "b");
      await take(other, "c");
      await stage.close(one);
      await takeSoon(third, "a");
      await takeSoon(third, "b");
      await isTaken(third, "c");
    },
  ],
  [
    "a name is a lock, not an entry",
    async (stage) => {
      const storage = await stage.open();
      const giveBack = await take(storage, "name");
      await has(storage, []);
      await write(storage, { name: "1" });
      giveBack();
      await has(storage, [["name", "1"]]);
    },
  ],
  [
    "what another process or tab has taken is taken here, until its end",
    async (stage) => {
      const elsewhere = await stage.openElsewhere();
      if (elsewhere === undefined) return;
      const [storage, neighbour] = [await stage.open(), await stage.open()];
      await take(elsewhere.storage, "theirs");
      await take(storage, "ours");
      await isTaken(storage, "theirs");
      await isTaken(neighbour, "ours");
      await stage.close(neighbour);
      await isTaken(elsewhere.storage, "ours");
      await elsewhere.end();
      await takeSoon(storage, "theirs");
    },
  ],
];
