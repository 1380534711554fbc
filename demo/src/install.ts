/** The demo as an app of its own: installed, offline, and offered files by other apps. Nothing of it is needed for the rest. */
import { byId } from "./dom.js";
import { trusted } from "./engine.js";

const sharedName = "tidepool-demo-shared";

interface InstallPrompt extends Event {
  prompt(): Promise<unknown>;
}

/** Offers to install where the browser allows it. */
export function offerInstalling(): void {
  const install = byId("install");
  let offered: InstallPrompt | null = null;
  addEventListener("beforeinstallprompt", (event) => {
    event.preventDefault();
    offered = event as InstallPrompt;
    install.hidden = false;
  });
  install.addEventListener("click", () => {
    install.hidden = true;
    void offered?.prompt();
  });
}

/** Registers the service worker, which fetches all of the page once more: when the page has begun. */
export function keepForOffline(): void {
  void navigator.serviceWorker?.register(trusted("./sw.js")).catch(() => undefined);
}

/** Has the service worker keep what was loaded before there was one. */
export function keepOffline(url: string): void {
  void navigator.serviceWorker?.ready.then(({ active }) => active?.postMessage([new URL(url, location.href).href]));
}

/** The files that another app has shared with this one, taken out of where the service worker put them. */
export async function takeSharedFiles(): Promise<File[]> {
  if (!new URLSearchParams(location.search).has("shared")) return [];
  history.replaceState(null, "", location.pathname);
  const cache = await caches.open(sharedName);
  const files: File[] = [];
  for (const request of await cache.keys()) {
    const response = (await cache.match(request))!;
    const name = decodeURIComponent(response.headers.get("x-name") ?? "shared");
    files.push(new File([await response.blob()], name));
    await cache.delete(request);
  }
  return files;
}
