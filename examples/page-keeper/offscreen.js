/** A page without a window. Having opened the database, it serves the background and the panel for as long as it lives. */
import { openDatabase } from "./kept-pages.js";

await openDatabase().heartbeat();
