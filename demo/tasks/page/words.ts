import type { SyncError } from "../../../client/index.ts";

const sentences: Readonly<Record<string, string>> = {
  unavailable: "The server cannot be reached. All is kept here and sent later.",
  timeout: "The server does not answer. All is kept here and sent later.",
  storage_failed: "This browser keeps nothing now: what you write is lost when you close the page.",
};

const refusals: Readonly<Record<string, string>> = {
  gone: "A task that you changed is deleted already.",
  unavailable: "The server could not keep a change, and it was taken back. Please make it again.",
};

export const awayWords = "No network. All is kept here and sent later.";

/** What went wrong, for whoever uses the page. */
export function wordsOf(error: SyncError): string {
  return sentences[error.code] ?? error.message;
}

/** Why what was written here is not there any more. */
export function refusalWords(error: SyncError): string {
  return refusals[error.code] ?? "The server did not accept a change, and it was taken back.";
}

const clock = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium" });

/** "Synced at 14:03:10 · 2 received, 1 sent" */
export function resultWords(at: Date, pulled: number, pushed: number): string {
  const news = [
    ...(pulled > 0 ? [`${pulled} received`] : []),
    ...(pushed > 0 ? [`${pushed} sent`] : []),
  ];
  return `Synced at ${clock.format(at)} · ${news.join(", ") || "nothing new"}`;
}
