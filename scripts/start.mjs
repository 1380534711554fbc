/**
 * `npm start`, after the build: builds the demo, serves it, prints its address, and opens it in a browser where there is one to open.
 * What is served is what an app would deploy, so it can be installed and works offline. Without a screen, as on a server, or on CI,
 * it prints only. `BROWSER` names another browser than the system's, or "none".
 */
import { fileURLToPath } from "node:url";
import { build, preview } from "vite";

/** Elsewhere than on macOS and Windows a screen is what the environment says it is. */
function hasScreen() {
  const { CI, DISPLAY, WAYLAND_DISPLAY } = process.env;
  if (CI) return false;
  return ["darwin", "win32"].includes(process.platform) || Boolean(DISPLAY || WAYLAND_DISPLAY);
}

const root = fileURLToPath(new URL("../demo", import.meta.url));
const outDir = fileURLToPath(new URL("../.cache/demo", import.meta.url));
await build({ root, logLevel: "warn", build: { outDir, emptyOutDir: true } });
const server = await preview({ root, build: { outDir }, preview: { open: hasScreen() } });
server.printUrls();
server.bindCLIShortcuts({ print: true });
