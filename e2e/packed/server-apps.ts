/** Apps that are rendered on a server first. What they install is large, so they are run where they are asked for. */
import { join } from "node:path";
import type { BrowserContext } from "playwright";
import { encoderFound, expectWorking } from "./expectations.js";
import { type Apps, install, run } from "./packed-app.js";
import { whileRunning } from "./serving-apps.js";

export const serverApps: Apps = {
  "Next.js, next build and next start": async (packed) => {
    const app = await install(packed, "next");
    run(join(app, "node_modules/.bin/next"), ["build"], app);
    await whileRunning(app, ["next", "start"], "/", async (url) => {
      await expectWorking(packed.context, url, encoderFound);
      await expectTaken(packed.context, url);
    });
  },
};

/** The page is there before its scripts are; once they are, it takes what is written. */
async function expectTaken(context: BrowserContext, url: string): Promise<void> {
  const html = await (await fetch(url)).text();
  if (!html.includes("notes: ")) throw new Error(`the server did not render the component: ${html}`);
  const page = await context.newPage();
  try {
    await page.goto(url);
    await page.waitForFunction(() => "packed" in globalThis);
    await page.getByRole("button").click();
    await page.getByText("notes: ebb", { exact: true }).waitFor({ timeout: 60_000 });
  } catch (error) {
    throw new Error(`${url} shows ${await page.textContent("body")}: ${String(error)}`);
  } finally {
    await page.close();
  }
}
