/**
 * The programs of `types/` compile with Chroma's own client as they do with this package: `npm run typecheck` does the
 * latter, this test both, so that neither can stop without notice.
 */
import { spawnSync } from "node:child_process";
import { copyFile, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { clientFolder } from "./support/official-client.js";

const root = fileURLToPath(new URL("..", import.meta.url));
const types = join(root, "e2e/types");
const options =
  "--ignoreConfig --noEmit --strict --noUncheckedIndexedAccess --skipLibCheck " +
  "--target es2022 --lib es2023,dom --types node --module esnext --moduleResolution bundler";

/** Compiles the programs beside a `client.ts` of this text, with these packages; returns what the compiler says. */
async function compile(client: string, packages: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "tidepool-types-"));
  try {
    await copyFile(join(types, "programs.test-d.ts"), join(folder, "programs.test-d.ts"));
    await writeFile(join(folder, "client.ts"), client);
    await writeFile(join(folder, "package.json"), '{ "type": "module" }');
    await symlink(packages, join(folder, "node_modules"));
    const roots = ["--typeRoots", join(root, "node_modules/@types")];
    const { stdout, status } = spawnSync(join(root, "node_modules/.bin/tsc"), [...options.split(" "), ...roots, "programs.test-d.ts"], {
      cwd: folder,
      encoding: "utf8",
    });
    return status === 0 ? "" : stdout;
  } finally {
    await rm(folder, { recursive: true });
  }
}

test("programs compile with Chroma's client", async () => {
  expect(await compile('export * from "chromadb";', dirname(dirname(await clientFolder())))).toBe("");
});

test("the same programs compile with this package as it is built", async () => {
  const packages = await mkdtemp(join(tmpdir(), "tidepool-packages-"));
  try {
    await symlink(root, join(packages, "tidepool-db"));
    expect(await compile(await readFile(join(types, "client.ts"), "utf8"), packages)).toBe("");
  } finally {
    await rm(packages, { recursive: true });
  }
});

test("a program that is wrong is found out", async () => {
  const wrong = 'export * from "chromadb"; export class ChromaClient {}';
  expect(await compile(wrong, dirname(dirname(await clientFolder())))).toContain("programs.test-d.ts");
});
