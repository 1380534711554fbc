/** A page in a process that no other page shares, and its end. Nobody tells which process a page lies in: the new one is taken for it. */
import type { Page } from "playwright";
import { pageProcesses } from "./browser.js";
import { isThere, signal, until } from "./processes.js";
import { can } from "./target.js";

export interface OwnPage {
  page: Page;
  pids: readonly number[];
}

/** One that `open` opens, with its processes; not two at once. A browser may first fill those that closed pages have left. */
export async function openInOwnProcess(profile: string, open: () => Promise<Page>): Promise<OwnPage> {
  const sharing: Page[] = [];
  try {
    for (let attempt = 0; attempt < 8; attempt++) {
      const before = new Set(await pidsOf(profile));
      const page = await open();
      const pids = (await pidsOf(profile)).filter((pid) => !before.has(pid));
      if (pids.length > 0) return { page, pids };
      sharing.push(page);
    }
    throw new Error("the browser gives no page a process of its own");
  } finally {
    for (const page of sharing) await page.close();
  }
}

async function pidsOf(profile: string): Promise<number[]> {
  return (await pageProcesses(profile)).map(({ pid }) => pid);
}

/** Ends the process, and the page with it; resolves once the browser knows. */
export async function killPage({ page, pids }: OwnPage): Promise<void> {
  const crashed = can("devtools") ? page.waitForEvent("crash") : null;
  signal(pids, "SIGKILL");
  await until(10_000, "the processes of a page to end", async () => (pids.some(isThere) ? null : true));
  await crashed;
}
