/**
 * `npm start`, after the build: serves the demo, prints its address, and opens it in a browser where there is one to open.
 * Without a screen, as on a server, or on CI, it prints only. `BROWSER` names another browser than the system's, or "none".
 */
import { fileURLToPath } from "node:url";
import { createServer } from "vite";

/** Elsewhere than on macOS and Windows a screen is what the environment says it is. */
function hasScreen() {
  const { CI, DISPLAY, WAYLAND_DISPLAY } = process.env;
  if (CI) return false;
  return ["darwin", "win32"].includes(process.platform) || Boolean(DISPLAY || WAYLAND_DISPLAY);
}

const server = await createServer({ root: fileURLToPath(new URL("../demo", import.meta.url)) });
await server.listen();
server.printUrls();
server.bindCLIShortcuts({ print: true });
if (hasScreen()) server.openBrowser();
