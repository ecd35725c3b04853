import { expect, test } from "@jest/globals";
import { WriteHandle, type WriteStage } from "../../../client/write-handle.ts";

function open(): WriteHandle<string> {
  return new WriteHandle<string>(() => undefined);
}

/** Which of these have resolved by now, with what. */
async function resolved(
  waiting: readonly Promise<WriteStage>[],
): Promise<(WriteStage | "waits")[]> {
  for (let turn = 0; turn < 5; turn++) await Promise.resolve();
  return Promise.all(waiting.map((one) => Promise.race([one, Promise.resolve("waits" as const)])));
}

const STAGES = ["local", "stored", "sent", "uncertain", "accepted", "durable", "rejected"] as const;

test("`reached` resolves when the write is as far or further, with where it is then", async () => {
  const handle = open();
  const waiting = STAGES.map((stage) => handle.reached(stage));
  const W = "waits";
  expect(await resolved(waiting)).toEqual(["local", W, W, W, W, W, W]);
  WriteHandle.reach(handle, "stored");
  expect(await resolved(waiting)).toEqual(["local", "stored", W, W, W, W, W]);
  WriteHandle.reach(handle, "uncertain");
  expect(await resolved(waiting)).toEqual(["local", "stored", "uncertain", "uncertain", W, W, W]);
});

test.each(["accepted", "durable", "rejected"] as const)(
  "with `%s` it is over: nobody waits for more",
  async (last) => {
    const handle = open();
    const waiting = STAGES.slice(1).map((stage) => handle.reached(stage));
    WriteHandle.reach(handle, last);
    expect(await resolved(waiting)).toEqual(waiting.map(() => last));
    expect(await resolved(STAGES.map((stage) => handle.reached(stage)))).toEqual(
      STAGES.map(() => last),
    );
    expect(handle.stage).toBe(last);
  },
);

test("what is heard of it when it is over comes too late, and who asks then is told that it is over", async () => {
  const handle = open();
  WriteHandle.reach(handle, "rejected");
  WriteHandle.reach(handle, "stored");
  expect(handle.stage).toBe("rejected");
  expect(await resolved([handle.reached("accepted")])).toEqual(["rejected"]);
});

test("a write that is sent again goes back, and who waits for its end waits on", async () => {
  const handle = open();
  WriteHandle.reach(handle, "uncertain");
  const end = handle.reached("accepted");
  WriteHandle.reach(handle, "sent");
  expect(handle.stage).toBe("sent");
  expect(await resolved([end])).toEqual(["waits"]);
  WriteHandle.reach(handle, "durable");
  expect(await resolved([end])).toEqual(["durable"]);
});

test("it is a promise, and what follows from it a plain one", async () => {
  const handle = new WriteHandle<number>((resolve) => resolve(7));
  const then = handle.then((result) => result + 1);
  expect(then).not.toBeInstanceOf(WriteHandle);
  expect([await handle, await then]).toEqual([7, 8]);
});
