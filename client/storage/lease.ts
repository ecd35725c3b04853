import { nanoid } from "nanoid";

const LEASE_MS = 150_000;
/** A page that nobody looks at may run its timers once a minute. */
const RENEWAL_MS = 20_000;
/** Long enough that what another tab has written at the same time is seen here. */
const SETTLING_MS = 50;

/**
 * A name taken in a Storage, where the browser has no Web Locks: a mark that says who, and until when.
 * Whoever wants the name writes a mark, and has it if the mark is still there a little later. The
 * holder renews it; of one that has crashed it runs out. Not as sure as a lock: a page that is frozen
 * for longer than the lease has lost it without knowing.
 */
export async function takeLease(area: Storage, key: string): Promise<(() => void) | undefined> {
  if (isInForce(area.getItem(key))) return undefined;
  const owner = nanoid();
  const isOurs = (): boolean => area.getItem(key)?.endsWith(` ${owner}`) === true;
  const renew = (): void => area.setItem(key, `${Date.now() + LEASE_MS} ${owner}`);
  renew();
  await new Promise((resolve) => setTimeout(resolve, SETTLING_MS));
  if (!isOurs()) return undefined;
  const timer = setInterval(() => {
    if (isOurs()) renew();
  }, RENEWAL_MS);
  const giveBack = (): void => {
    clearInterval(timer);
    globalThis.removeEventListener("pagehide", leave);
    if (isOurs()) area.removeItem(key);
  };
  // A page that may come back (persisted) keeps it.
  const leave = (event: PageTransitionEvent): void => {
    if (!event.persisted) giveBack();
  };
  globalThis.addEventListener("pagehide", leave);
  return giveBack;
}

function isInForce(mark: string | null): boolean {
  return mark !== null && Number.parseInt(mark, 10) > Date.now();
}
