/**
 * Chroma's own client, as the registry has it, and a page that uses it unchanged: an import map gives it what it takes
 * from Node, and the built package answers its requests. No server runs.
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { type StaticServer, serveFolder } from "../../tools/browser/static-server.js";
import { strictPolicy } from "./strict-policy.js";

const VERSION = "3.5.0";
const cache = fileURLToPath(new URL(`../../.cache/chromadb-${VERSION}`, import.meta.url));

/** The folder of the client's modules, downloaded once; it never is a dependency of this package. */
export async function clientFolder(): Promise<string> {
  const folder = join(cache, "node_modules/chromadb/dist");
  if (existsSync(folder)) return folder;
  await mkdir(cache, { recursive: true });
  await writeFile(join(cache, "package.json"), '{ "private": true }');
  const options = ["--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts", "--omit=optional", "--prefer-offline"];
  const { status, stderr } = spawnSync("npm", ["install", `chromadb@${VERSION}`, ...options], { cwd: cache, encoding: "utf8" });
  if (status !== 0) throw new Error(`chromadb ${VERSION} could not be installed: ${stderr}`);
  return folder;
}

/** What a page needs that runs the client: its modules, and a stand-in for the one module of Node that it imports. */
const importMap = `{ "imports": {
  "tidepool-db": "./package/index.js",
  "tidepool-db/rest": "./package/rest.js",
  "chromadb": "./chromadb/chromadb.mjs",
  "node:process": "./node-process.js"
} }`;

/** Serves a folder with both packages and these files; `script` is the module of its page. */
export async function serveOfficialClient(
  script: string,
  files: Record<string, string> = {},
  headers = strictPolicy({ importMap, connect: "http://localhost:8000" }),
): Promise<StaticServer> {
  const folder = await mkdtemp(join(tmpdir(), "tidepool-official-"));
  await cp(dirname(createRequire(import.meta.url).resolve("tidepool-db")), join(folder, "package"), { recursive: true });
  await cp(await clientFolder(), join(folder, "chromadb"), { recursive: true });
  const head = `<!doctype html><link rel="icon" href="data:,"><title>official client</title>`;
  const page = `${head}<script type="importmap">${importMap}</script><script type="module" src="./main.js"></script>`;
  const all = { "index.html": page, "main.js": script, "node-process.js": "export const env = {};", ...files };
  for (const [name, text] of Object.entries(all)) await writeFile(join(folder, name), text);
  const server = await serveFolder(folder, { headers });
  return {
    ...server,
    async close() {
      await server.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
