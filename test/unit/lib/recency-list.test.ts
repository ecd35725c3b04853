import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { Entry } from "../../../lib/entry.ts";
import { objectShapes } from "../../../lib/object-shape.ts";
import { RecencyList } from "../../../lib/recency-list.ts";

const shape = objectShapes(1).of([]);

function entryOf(revision: number): Entry {
  return new Entry(revision, revision, { id: String(revision) }, shape);
}

/** The entries from one revision on, in both directions. */
function walked(list: RecencyList<Entry>, after: number): Entry[] {
  const entries: Entry[] = [];
  for (let entry = list.firstAfter(after); entry !== null; entry = entry.newer) entries.push(entry);
  for (const [i, entry] of entries.entries()) {
    if (i > 0) expect(entry.older).toBe(entries[i - 1]);
  }
  return entries;
}

test("an empty list has nothing after anything", () => {
  expect(new RecencyList<Entry>().firstAfter(0)).toBeNull();
});

test("a list agrees with an array, with true and with misleading hints", () => {
  const step = fc.record({
    kind: fc.constantFrom("append", "toNewest", "remove", "restore", "hint", "hint"),
    at: fc.nat(),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const list = new RecencyList<Entry>();
      const entries: Entry[] = [];
      let revision = 0;
      for (const { kind, at } of steps) {
        const index = at % Math.max(1, entries.length);
        const entry = entries[index];
        if (kind === "append") {
          const added = entryOf(++revision);
          list.append(added);
          entries.push(added);
        } else if (entry === undefined) {
          continue;
        } else if (kind === "hint") {
          list.expectNext(entry);
        } else if (kind === "remove") {
          list.remove(entry);
          entries.splice(index, 1);
        } else if (kind === "toNewest") {
          entry.revision = ++revision;
          list.toNewest(entry);
          entries.splice(index, 1);
          entries.push(entry);
        } else {
          const { older } = entry;
          list.remove(entry);
          list.insertAfter(entry, older);
        }
        const from = at % (revision + 2);
        expect(walked(list, from)).toEqual(entries.filter((one) => one.revision > from));
      }
      for (let from = 0; from <= revision; from++) {
        expect(walked(list, from)).toEqual(entries.filter((one) => one.revision > from));
      }
    }),
  );
});

test("a walk that goes on where the last one stopped does not start over", () => {
  const list = new RecencyList<Entry>();
  const entries = Array.from({ length: 1_000 }, (_, i) => entryOf(i + 1));
  for (const entry of entries) list.append(entry);
  let reads = 0;
  for (const entry of entries) {
    const { revision } = entry;
    Object.defineProperty(entry, "revision", { get: () => ((reads += 1), revision) });
  }
  list.expectNext(entries[500] as Entry);
  expect(list.firstAfter(500)).toBe(entries[500]);
  expect(list.firstAfter(0)).toBe(entries[0]);
  expect(list.firstAfter(995)).toBe(entries[995]);
  expect(reads).toBeLessThan(30);
});
