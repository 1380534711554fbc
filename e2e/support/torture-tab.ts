/**
 * A tab of `npm run torture`: a page that has databases open, in a process of its own, and what can be done to both of them.
 * Calls that were under way when the page ends reject, whether the browser says so or not.
 */
import type { SpawnedBrowser } from "../../tools/browser/browser.js";
import { killPage, type OwnPage, openInOwnProcess } from "../../tools/browser/page-process.js";
import { signal } from "../../tools/browser/processes.js";
import type { StaticServer } from "../../tools/browser/static-server.js";
import { openTab, untilReady } from "./app.js";

type Torture = typeof import("../pages/torture.js");

/** What a fault does to a tab. */
export type TabFault = "terminate" | "reload" | "close client" | "close tab" | "crash page" | "kill process" | "freeze" | "stop process";

/** Faults after which the page is there, without clients. */
const emptied: readonly string[] = ["reload", "close client"];

export interface World {
  app: StaticServer;
  profile: string;
  browser: SpawnedBrowser;
}

export class Tab {
  /** Whether work may go on in it. */
  alive = true;
  #leave!: (reason: Error) => void;
  #gone!: Promise<never>;

  private constructor(private readonly own: OwnPage) {
    this.#begin();
  }

  /** Not two at once. */
  static async open({ app, profile, browser }: World): Promise<Tab> {
    return new Tab(await openInOwnProcess(profile, () => openTab(browser.context, app)));
  }

  #begin(): void {
    this.alive = true;
    this.#gone = new Promise((_, reject) => (this.#leave = reject));
    this.#gone.catch(() => undefined);
  }

  /** Calls a function of `pages/torture.ts` in the page. What goes over is text, which drivers carry faster than values. */
  async call<Name extends keyof Torture>(name: Name, ...args: Parameters<Torture[Name]>): Promise<Awaited<ReturnType<Torture[Name]>>> {
    const answer = this.own.page.evaluate(
      async ({ name, args }) => {
        const module = await load<Record<string, (...args: unknown[]) => unknown>>("torture");
        try {
          return JSON.stringify(await module[name]!(...(JSON.parse(args) as unknown[]))) ?? "null";
        } catch (error) {
          // The driver carries messages over, and no codes.
          const { code, message } = error as { code?: string; message?: string };
          throw new Error(`${code ?? "no code"}: ${message ?? String(error)}`);
        }
      },
      { name: name as string, args: JSON.stringify(args) },
    );
    answer.catch(() => undefined);
    return JSON.parse(await Promise.race([answer, this.#gone])) as Awaited<ReturnType<Torture[Name]>>;
  }

  /** For it, everything that is under way is over. */
  end(): void {
    this.alive = false;
    this.#leave(new Error("the page went away"));
  }

  async strike(fault: TabFault): Promise<void> {
    if (fault === "terminate") return this.call("terminate");
    if (fault === "freeze") return this.#setLifecycle("frozen");
    if (fault === "stop process") return signal(this.own.pids, "SIGSTOP");
    this.alive = false;
    if (fault === "close client") return this.call("close");
    if (fault === "reload") await this.own.page.reload();
    else if (fault === "close tab") await this.own.page.close();
    else if (fault === "crash page") await this.#crash();
    else await this.killProcess();
    this.end();
  }

  /** Ends a fault that lasts. */
  async letGo(fault: TabFault): Promise<void> {
    if (fault === "stop process") signal(this.own.pids, "SIGCONT");
    else if (fault === "freeze") await this.#setLifecycle("active");
  }

  async killProcess(): Promise<void> {
    this.end();
    await killPage(this.own);
  }

  /** One with a living page in it, which has nothing open: this, where the page is still there, or another. */
  async restore(fault: string, world: World): Promise<Tab> {
    if (emptied.includes(fault)) {
      await untilReady(this.own.page);
      this.#begin();
      return this;
    }
    await this.own.page.close().catch(() => undefined);
    return Tab.open(world);
  }

  async #crash(): Promise<void> {
    const crashed = this.own.page.waitForEvent("crash");
    const session = await this.own.page.context().newCDPSession(this.own.page);
    // The command is answered by nobody: whoever would is gone.
    void session.send("Page.crash").catch(() => undefined);
    await crashed;
  }

  async #setLifecycle(state: "frozen" | "active"): Promise<void> {
    const session = await this.own.page.context().newCDPSession(this.own.page);
    await session.send("Page.setWebLifecycleState", { state });
  }
}
