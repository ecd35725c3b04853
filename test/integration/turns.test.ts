import { afterEach, expect, test } from "@jest/globals";
import { MemoryStore, type Store } from "../../server/index.ts";
import { settling, together, type Content } from "../support/hand-made.ts";
import { HELLO, RawClient } from "../support/raw-client.ts";
import { Stage } from "../support/stage.ts";

const stage = new Stage();
afterEach(() => stage.clear());

/** A step that creates an object without properties. */
const creates =
  (id: string): Content =>
  (writer) => {
    writer.byte(5);
    writer.text(id);
    writer.varint(0);
    writer.varint(0);
  };

function busyFor(ms: number): void {
  const until = performance.now() + ms;
  while (performance.now() < until);
}

test("what a client sends at once is decided in its order, and not in one turn of the loop", async () => {
  const inner = new MemoryStore();
  const batches: number[] = [];
  const store: Store = {
    capabilities: inner.capabilities,
    load: (world, newEpoch) => inner.load(world, newEpoch),
    commit: (world, batch) => {
      batches.push([...batch.objects()].length);
      inner.commit(world, batch);
    },
    close: () => inner.close(),
  };
  const { sync, url } = await stage.serve({ store });
  // Two of these take longer than a turn may.
  sync.check(({ id }) => {
    if (id.endsWith(":0")) busyFor(6);
  });
  const client = new RawClient(url, HELLO);
  stage.afterwards(() => client.close());
  await client.isWhole();
  const writes = Array.from({ length: 20 }, (_, i) =>
    together(...Array.from({ length: 200 }, (_, k) => creates(`tree:${i}:${k}`))),
  );
  client.send(settling(0, 1, ...writes));
  const decided = (): number[] =>
    client.messages.flatMap((one) =>
      one.kind === "delta"
        ? one.outcomes.map(({ n, outcome }) => (outcome.kind === "accepted" ? n : -n))
        : [],
    );
  await client.until(() => decided().length === 20);
  expect(decided()).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
  expect(sync.allObjects().size).toBe(4_000);
  // Two writes have more steps than are decided before a look at the clock; before the second it has not.
  expect(batches).toEqual(Array.from({ length: 10 }, () => 400));
});
