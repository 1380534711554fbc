/** Puts the app and the package into one folder, with a service worker that knows the name of each file and what all of them hold. */
import { createHash } from "node:crypto";
import { cp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join, relative, sep } from "node:path";

const built = "built";
/** What a browser never asks for. */
const isNeeded = (path) => !/\.d\.ts$|\.map$|\.txt$/.test(path);

await rm(built, { recursive: true, force: true });
await cp("app", built, { recursive: true });
await cp("node_modules/tidepool-db/dist", join(built, "tidepool"), { recursive: true, filter: isNeeded });

const entries = await readdir(built, { recursive: true, withFileTypes: true });
const paths = entries
  .filter((entry) => entry.isFile())
  .map((entry) => join(entry.parentPath, entry.name))
  .sort();
const hash = createHash("sha256");
for (const path of paths) hash.update(await readFile(path));
const files = paths.map((path) => relative(built, path).split(sep).join("/"));
const worker = (await readFile("service-worker.js", "utf8"))
  .replace('"VERSION"', JSON.stringify(hash.digest("hex").slice(0, 12)))
  .replace('["FILES"]', JSON.stringify(["./", ...files]));
await writeFile(join(built, "service-worker.js"), worker);
