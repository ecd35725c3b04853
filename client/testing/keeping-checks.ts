import { assert, equal, rejects } from "./assert.ts";
import { failsWith, has, plain, write, type Entries, type Stage } from "./stage.ts";

/** What `read`, `write` and `close` must do. */
export const keepingChecks: readonly (readonly [
  name: string,
  check: (stage: Stage) => Promise<void>,
])[] = [
  [
    "an empty place has nothing, and takes a write of nothing",
    async (stage) => {
      const storage = await stage.open();
      await has(storage, []);
      await storage.write(new Map());
      await has(storage, []);
    },
  ],
  [
    "what was written is there when the place is opened again",
    async (stage) => {
      const storage = await stage.open();
      await write(storage, { a: "1", b: "2" });
      await write(storage, { c: "3" });
      const expected: Entries = [
        ["a", "1"],
        ["b", "2"],
        ["c", "3"],
      ];
      await has(storage, expected);
      await has(await stage.reopen(storage), expected);
    },
  ],
  [
    "a prefix gives the keys that begin with it, in their order, and no others",
    async (stage) => {
      const storage = await stage.open();
      // The order of UTF-16: the last but one has a higher code point than the last.
      const keys = ["", "A", "a", "a%", "a%b", "a%\u{1f600}", "a%\uffff"];
      const entries = keys.map((key) => [key, `of ${key}`] as const);
      await storage.write(new Map([...entries].reverse()));
      await has(storage, entries);
      await has(storage, entries.slice(2), "a");
      await has(storage, entries.slice(3), "a%");
      await has(storage, [], "b");
      const next = await stage.reopen(storage);
      await has(next, entries.slice(3), "a%");
      await has(next, entries.slice(1, 2), "A");
    },
  ],
  [
    "a later value replaces an earlier one, and undefined removes",
    async (stage) => {
      const storage = await stage.open();
      await write(storage, { a: "1", b: "1", c: "1" });
      await write(storage, { a: "2", b: undefined, missing: undefined });
      const expected: Entries = [
        ["a", "2"],
        ["c", "1"],
      ];
      await has(storage, expected);
      await has(await stage.reopen(storage), expected);
    },
  ],
  [
    "every text comes back as it was, as a key and as a value",
    async (stage) => {
      const storage = await stage.open();
      const entries = [...TEXTS].sort().map((text) => [text, text] as const);
      await storage.write(new Map(entries));
      await has(storage, entries);
      const next = await stage.reopen(storage);
      for (const entry of entries) {
        assert((await next.read(entry[0])).some(isLike(entry)), "an entry came back as another");
      }
      await has(next, entries);
      await next.write(new Map(TEXTS.map((text) => [text, undefined])));
      await has(next, []);
    },
  ],
  [
    "a value may have a million characters, and a write a thousand keys",
    async (stage) => {
      const storage = await stage.open();
      const large = '{"ä": 0123456789},'.repeat(60_000);
      const many = Array.from({ length: 1_000 }, (_, i) => [`key:${1_000 + i}`, `${i}`] as const);
      await write(storage, { large });
      await storage.write(new Map(many));
      const next = await stage.reopen(storage);
      await has(next, many, "key:");
      assert((await next.read("large"))[0]?.[1] === large, "the large value came back as another");
    },
  ],
  [
    "what is read was there at one moment: no write is seen in part",
    async (stage) => {
      const [writer, reader] = [await stage.open(), await stage.open()];
      for (let i = 1; i <= 20; i++) {
        const value = `${i}`.repeat(500);
        const writing = write(writer, { a: value, b: value, c: value });
        for (const storage of [reader, writer]) {
          const seen = new Set((await storage.read("")).map(([, kept]) => kept));
          assert(seen.size <= 1, "a write was seen in part");
        }
        await writing;
      }
    },
  ],
  [
    "writes take effect in the order of their calls, and are seen by what is called after them",
    async (stage) => {
      const storage = await stage.open();
      const writes = Array.from({ length: 30 }, (_, i) =>
        write(storage, { last: `${i}`, [`key:${10 + i}`]: `${i}`, [`key:${9 + i}`]: undefined }),
      );
      const seen = await storage.read("");
      const expected: Entries = [
        ["key:39", "29"],
        ["last", "29"],
      ];
      equal(plain(seen), expected, "what is seen at once");
      await Promise.all(writes);
      await has(await stage.reopen(storage), expected);
    },
  ],
  [
    "the changes are taken at the call: the map may be used again",
    async (stage) => {
      const storage = await stage.open();
      const changes = new Map([["a", "1"]]);
      const writing = storage.write(changes);
      changes.set("a", "2").set("b", "2");
      await writing;
      await has(storage, [["a", "1"]]);
    },
  ],
  [
    "a write that fails half-way leaves nothing of itself, and the next one does not know of it",
    async (stage) => {
      const storage = await stage.open();
      await write(storage, { a: "1", b: "1" });
      const torn = new TornMap([
        ["a", "2"],
        ["b", undefined],
        ["c", "2"],
      ]);
      await rejects(
        async () => storage.write(torn),
        (error) => String(error).includes("cannot be read"),
        "it must reject with what the map threw",
      );
      await has(storage, [
        ["a", "1"],
        ["b", "1"],
      ]);
      await write(storage, { d: "3" });
      await has(await stage.reopen(storage), [
        ["a", "1"],
        ["b", "1"],
        ["d", "3"],
      ]);
    },
  ],
  [
    "a write for which there is no room is refused as a whole, and smaller ones go on",
    async (stage) => {
      const { valueLengthMax } = stage.medium;
      if (valueLengthMax === undefined) return;
      let storage = await stage.open();
      const before: Entries = [
        ["a", "1"],
        ["b", "1"],
      ];
      await storage.write(new Map(before));
      const tooMuch = { a: "2", b: undefined, c: "x".repeat(valueLengthMax + 1), d: "2" };
      await failsWith("storage_failed", () => write(storage, tooMuch));
      await failsWith("storage_failed", () => write(storage, { c: tooMuch.c }));
      await has(storage, before);
      storage = await stage.reopen(storage);
      await has(storage, before);
      await write(storage, { a: undefined, b: "3" });
      await has(await stage.reopen(storage), [["b", "3"]]);
    },
  ],
  [
    "two openings of a place see the same, and neither undoes what the other keeps",
    async (stage) => {
      const [one, other] = [await stage.open(), await stage.open()];
      await has(other, []);
      for (let i = 1; i <= 10; i++) {
        const both = `${i}`;
        await Promise.all([write(one, { one: both, a: both }), write(other, { other: both })]);
        await write(other, { a: undefined });
        const expected: Entries = [
          ["one", both],
          ["other", both],
        ];
        await has(one, expected);
        await has(other, expected);
      }
    },
  ],
  [
    "what was written in another process or tab is seen here, also after its end",
    async (stage) => {
      const elsewhere = await stage.openElsewhere();
      if (elsewhere === undefined) return;
      const storage = await stage.open();
      await write(storage, { here: "1" });
      await write(elsewhere.storage, { there: "1" });
      await elsewhere.end();
      const expected: Entries = [
        ["here", "1"],
        ["there", "1"],
      ];
      await has(storage, expected);
      await has(await stage.reopen(storage), expected);
    },
  ],
  [
    "close finishes what was called before, and refuses what comes later",
    async (stage) => {
      const storage = await stage.open();
      const writes = [write(storage, { a: "1", b: "1" }), write(storage, { a: "2" })];
      await storage.close();
      await Promise.all(writes);
      await storage.close();
      await failsWith("closed", () => storage.read(""));
      await failsWith("closed", () => write(storage, { a: "3" }));
      await failsWith("closed", () => storage.lock("name"));
      await has(await stage.open(), [
        ["a", "2"],
        ["b", "1"],
      ]);
    },
  ],
];

const TEXTS = [
  "",
  " ",
  "ä 😀 日本",
  "a\u0000b",
  "\u0000",
  "\ud800",
  "\udc00\ud800 halves",
  "\ufeffmark",
  "\uffff",
  "line\r\nline\u2028\u2029",
  "'\"`\\%_*?[a]{}<>&;--",
  "__proto__",
  "constructor",
  "length",
  "setItem",
  "null",
  "1",
  "01",
];

function isLike([key, value]: Entries[number]): (entry: Entries[number]) => boolean {
  return (entry) => entry[0] === key && entry[1] === value;
}

/** Its second entry cannot be read. */
class TornMap extends Map<string, string | undefined> {
  override *[Symbol.iterator](): ReturnType<Map<string, string | undefined>["entries"]> {
    for (const entry of super.entries()) {
      yield entry;
      throw new Error("it cannot be read");
    }
  }

  override entries(): ReturnType<Map<string, string | undefined>["entries"]> {
    return this[Symbol.iterator]();
  }

  override forEach(call: (value: string | undefined, key: string, map: this) => void): void {
    for (const [key, value] of this) call(value, key, this);
  }
}
