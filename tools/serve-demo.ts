/** The demo as it is built, from a host that knows nothing but files. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "vite";
import { type StaticServer, serveFolder } from "./browser/static-server.js";

const root = fileURLToPath(new URL("../demo", import.meta.url));

export interface ServeDemoOptions {
  /** Sent with every file, for example a content security policy. */
  headers?: Record<string, string>;
  /** Leaves functions their names, for those who look at what runs. */
  keepNames?: boolean;
}

/** Closing it removes what was built. */
export async function serveDemo({ headers = {}, keepNames = false }: ServeDemoOptions = {}): Promise<StaticServer> {
  const folder = await mkdtemp(join(tmpdir(), "tidepool-demo-"));
  const names = keepNames ? { minify: false } : {};
  await build({ root, logLevel: "warn", build: { outDir: folder, emptyOutDir: true, ...names } });
  const server = await serveFolder(folder, { headers });
  return {
    ...server,
    async close() {
      await server.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
