import { chromium, type Browser } from "playwright-core";
import { findBrowser } from "../../tools/find-browser.mjs";

// A test has no use for a desktop browser's network services, and CI runs as root.
const browserArguments = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--no-first-run",
];

/** A real browser without a window. The caller closes it. */
export async function launchBrowser(): Promise<Browser> {
  return chromium.launch({ args: browserArguments, ...(await findBrowser()) });
}
