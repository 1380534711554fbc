/**
 * WebKitGTK for the suite that runs inside a browser. Nothing drives its MiniBrowser: a page is opened in it by its URL, on a
 * display of its own, and tells vitest of its tests itself. What such a suite asks of its driver besides, it does not have.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { defineBrowserProvider } from "@vitest/browser";
import type { BrowserProvider } from "vitest/node";
import { ensureBrowser } from "./ensure-browser.mjs";

class MiniBrowser implements BrowserProvider {
  readonly name = "minibrowser";
  readonly supportsParallelism = false;
  readonly #processes: ChildProcess[] = [];
  #home: string | null = null;

  getCommandsContext(): Record<string, unknown> {
    return {};
  }

  async openPage(_session: string, url: string): Promise<void> {
    const home = (this.#home ??= await mkdtemp(join(tmpdir(), "tidepool-webkit-")));
    const display = spawn("Xvfb", ["-displayfd", "1", "-screen", "0", "1280x800x24"], { stdio: ["ignore", "pipe", "ignore"] });
    this.#processes.push(display);
    const number = await firstLine(display);
    const env = { HOME: home, XDG_DATA_HOME: home, XDG_CACHE_HOME: home, XDG_CONFIG_HOME: home, XDG_RUNTIME_DIR: home };
    const software = {
      DISPLAY: `:${number}`,
      GDK_BACKEND: "x11",
      LIBGL_ALWAYS_SOFTWARE: "1",
      WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS: "1",
    };
    this.#processes.push(
      spawn(await ensureBrowser("webkit"), [url], { env: { ...process.env, ...env, ...software }, stdio: "ignore", detached: true }),
    );
  }

  async close(): Promise<void> {
    for (const { pid } of this.#processes.splice(0).reverse()) if (pid !== undefined) end(pid);
    if (this.#home !== null) await rm(this.#home, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  }
}

function firstLine({ stdout }: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    const lines = createInterface({ input: stdout! });
    lines.once("line", resolve);
    lines.once("close", () => reject(new Error("Xvfb ended before it had a display")));
  });
}

/** MiniBrowser leads a group of its own, with its helpers in it. */
function end(pid: number): void {
  for (const id of [-pid, pid]) {
    try {
      process.kill(id, "SIGKILL");
    } catch (error) {
      // It is gone, or leads no group.
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
    }
  }
}

export const miniBrowser = defineBrowserProvider({
  name: "minibrowser",
  supportedBrowser: ["webkit"],
  options: {},
  providerFactory: () => new MiniBrowser(),
});
