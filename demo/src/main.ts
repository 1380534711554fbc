/** The demo: opens the library and shows it. Start reading here, then library.ts and app.ts. */
import { App } from "./app.js";
import { byId } from "./dom.js";
import { setUpInstalling, takeSharedFiles } from "./install.js";
import { Library } from "./library.js";
import { showError } from "./notices.js";
import { offerProofs } from "./proofs.js";
import { showStatus } from "./storage-panel.js";
import { setUpTheme } from "./theme.js";

async function start(): Promise<void> {
  const waiting = setTimeout(() => showStatus("opening", "Waiting for the database…"), 1500);
  const library = await Library.open().finally(() => clearTimeout(waiting));
  byId("columns").hidden = false;
  const app = new App(library);
  await app.start();
  app.addFiles(await takeSharedFiles());
}

setUpTheme();
setUpInstalling();
offerProofs();
start().catch((error: unknown) => {
  showStatus("failed", "Not open");
  showError(error);
});
