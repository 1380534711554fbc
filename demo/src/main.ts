/** The demo: opens the library and shows it. Start reading here, then library.ts and app.ts. */
import { App } from "./app.js";
import { byId } from "./dom.js";
import { keepForOffline, offerInstalling, takeSharedFiles } from "./install.js";
import { Library } from "./library.js";
import { showError } from "./notices.js";
import { offerProofs } from "./proofs.js";
import { turn } from "./slice.js";
import { showStatus } from "./status.js";
import { setUpTheme } from "./theme.js";

/** A step at a time: the page is drawn, and takes keys, between them. */
async function start(): Promise<void> {
  const waiting = setTimeout(() => showStatus("opening", "Waiting for the database…"), 1500);
  await turn();
  const [library] = await Promise.all([Library.open().finally(() => clearTimeout(waiting)), setUp()]);
  byId("columns").hidden = false;
  await turn();
  const app = new App(library);
  await app.start();
  app.addFiles(await takeSharedFiles());
}

/** While the database opens. */
async function setUp(): Promise<void> {
  await turn();
  setUpTheme();
  offerInstalling();
  offerProofs();
}

start()
  .catch((error: unknown) => {
    showStatus("failed", "Not open");
    showError(error);
  })
  .finally(keepForOffline);
