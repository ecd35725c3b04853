/** Who comes by the link for spectators watches, everybody else plays. */
const isWatching = new URLSearchParams(location.search).has("watch");
document.body.dataset["role"] = isWatching ? "spectator" : "player";
await (isWatching ? import("./watch.ts") : import("./play.ts"));
