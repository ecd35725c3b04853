import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

/**
 * What playwright needs to know to start a browser.
 * @typedef {{ executablePath: string, env?: Record<string, string> } | { channel: "chrome" }} BrowserPlace
 */

const installedNames = ["google-chrome", "google-chrome-stable", "chromium", "chromium-browser"];

/**
 * In this order: CHROME_PATH, an installed Chrome or Chromium, the one inside @sparticuz/chromium.
 * `CHROME_PATH=shipped` asks for the last although another is installed. Nothing is downloaded.
 * @returns {Promise<BrowserPlace>}
 */
export async function findBrowser() {
  const asked = process.env["CHROME_PATH"];
  if (asked && asked !== "shipped") return { executablePath: asked };
  if (!asked) {
    const installed = findOnPath(installedNames);
    if (installed) return { executablePath: installed };
    // Elsewhere browsers are not on the PATH, and playwright knows where they are.
    if (process.platform !== "linux") return { channel: "chrome" };
  }
  return unpackShippedBrowser();
}

/** @param {readonly string[]} names */
function findOnPath(names) {
  const folders = (process.env["PATH"] ?? "").split(delimiter).filter(Boolean);
  return folders.flatMap((folder) => names.map((name) => join(folder, name))).find(existsSync);
}

/**
 * Unpacks once per installation. An attempt that is cut short leaves nothing that looks whole.
 * @returns {Promise<BrowserPlace>}
 */
async function unpackShippedBrowser() {
  const entry = fileURLToPath(import.meta.resolve("@sparticuz/chromium"));
  const folder = join(dirname(entry), "unpacked");
  if (!existsSync(folder)) {
    const attempt = await mkdtemp(`${folder}-`);
    // The package decides by the environment, as it is imported, what to unpack and where.
    await promisify(execFile)(process.execPath, ["--input-type=module", "--eval", unpackScript], {
      cwd: import.meta.dirname,
      env: { ...process.env, TMPDIR: attempt, AWS_LAMBDA_JS_RUNTIME: "nodejs20.x" },
    });
    await writeFile(join(attempt, "fonts", "fonts.conf"), fontsBesideThisFile);
    // Of two at once the second finds the first one's folder in place, and uses that.
    await rename(attempt, folder).catch(() => rm(attempt, { recursive: true }));
  }
  return {
    executablePath: join(folder, "chromium"),
    env: {
      .../** @type {Record<string, string>} */ (process.env),
      LD_LIBRARY_PATH: join(folder, "al2023", "lib"),
      FONTCONFIG_PATH: join(folder, "fonts"),
    },
  };
}

const unpackScript = `
  import chromium from "@sparticuz/chromium";
  await chromium.executablePath();
`;

// The package's own says /tmp, and a page would show no text.
const fontsBesideThisFile = `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir prefix="relative">fonts</dir>
</fontconfig>
`;
