import { expect, test } from "@jest/globals";
import { Leases } from "../../../client/plugins/leases/index.ts";
import { destroy, quiet, setup, update, type Setup } from "./fake-server.ts";

const TTL_MS = 10_000;

/** A client that asks for a lease, of a server that decides and tells when the test says so. */
async function asking() {
  const made = setup({ optimistic: false });
  const { server, environment, sync } = made;
  await sync.whenSynced();
  server.isAutomatic = false;
  const leases = new Leases(sync, {
    newId: () => environment.random.id(),
    now: () => environment.clock.now(),
    every: (ms, task) => environment.scheduler.after(ms, task),
    after: (ms, task) => environment.scheduler.after(ms, task),
  });
  const locking = leases.lock("door", { ttlMs: TTL_MS });
  await quiet();
  return { ...made, locking };
}

/** The request that was sent last. */
function requestOf({ server }: Setup): string {
  return server.link.mutations.at(-1)?.operations[0]?.id ?? "";
}

test("who loses its place whenever it is cut off for too long asks until it has the lease", async () => {
  const made = await asking();
  const { server, environment, locking } = made;
  for (let times = 0; times < 3; times++) {
    expect(server.link.mutations).toHaveLength(1);
    server.link.decide();
    server.link.drop();
    server.commit(destroy(requestOf(made))); // it was not heard of
    environment.advance(TTL_MS);
    await quiet();
    server.link.accept();
    await quiet();
  }
  server.link.decide();
  server.commit(update({ id: requestOf(made), fence: 7 }));
  server.link.flush();
  expect((await locking).fence).toBe(7);
});

test("who is never shown its request asks once more, and is told", async () => {
  const made = await asking();
  const { server, locking } = made;
  for (let times = 0; times < 2; times++) {
    server.link.decide();
    server.commit(destroy(requestOf(made))); // so that nothing of it shows
    server.link.flush();
    await quiet();
  }
  await expect(locking).rejects.toMatchObject({ code: "unavailable" });
  expect(server.link.mutations).toHaveLength(2);
});
