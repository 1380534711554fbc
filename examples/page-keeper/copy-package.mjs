/** An extension has all its code within its own folder: takes what the package has for browsers there. */
import { cp } from "node:fs/promises";

await cp("node_modules/tidepool-db/dist", "tidepool", { recursive: true });
