import { expect, test } from "@jest/globals";
import { launchBrowser } from "../support/browser.ts";

test("a real browser runs scripts in a page", async () => {
  const browser = await launchBrowser();
  try {
    const page = await browser.newPage();
    await page.goto("data:text/html,<title>before</title><script>document.title = 6 * 7</script>");
    expect(await page.title()).toBe("42");
  } finally {
    await browser.close();
  }
});
