/** Brings the pages when there is no network. Their tasks come from the storage of object-sync. */

interface Waiting extends Event {
  waitUntil(work: Promise<unknown>): void;
}
interface Fetching extends Event {
  readonly request: Request;
  respondWith(response: Promise<Response>): void;
}
/** What of a service worker's own world is used here; its types cannot be had beside a page's. */
const worker = self as unknown as EventTarget & {
  skipWaiting(): Promise<void>;
  readonly clients: { claim(): Promise<void> };
};

const cacheName = "tasks";
const sheets = ["colours.css", "index.css", "device.css", "conflict.css"];
const files = ["./", "device", "device.js", "icon.svg", ...sheets];

worker.addEventListener("install", (event) => {
  const kept = caches.open(cacheName).then((cache) => cache.addAll(files));
  (event as Waiting).waitUntil(kept.then(() => worker.skipWaiting()));
});

worker.addEventListener("activate", (event) => {
  (event as Waiting).waitUntil(worker.clients.claim());
});

worker.addEventListener("fetch", (event) => {
  const { request } = event as Fetching;
  const { origin, pathname } = new URL(request.url);
  const isOurs = origin === location.origin && !pathname.startsWith("/object-sync");
  if (request.method === "GET" && isOurs) (event as Fetching).respondWith(fromNetwork(request));
});

/** As it is now; or as it was, when nobody answers. */
async function fromNetwork(request: Request): Promise<Response> {
  const cache = await caches.open(cacheName);
  try {
    const response = await fetch(request);
    const { pathname } = new URL(request.url); // every device has the same page
    if (response.ok) await cache.put(pathname, response.clone());
    return response;
  } catch (error) {
    const kept = await cache.match(request, { ignoreSearch: true });
    if (kept === undefined) throw error;
    return kept;
  }
}
