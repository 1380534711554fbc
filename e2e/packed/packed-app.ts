/** Makes apps of the packed package: a copy of a template, or of an example, with the tarball installed. */
import { spawnSync } from "node:child_process";
import { cp, readFile, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { BrowserContext } from "playwright";
import { clientFolder } from "../support/official-client.js";
import { writeTinyModel } from "../support/tiny-model.js";

export const home = resolve(dirname(fileURLToPath(import.meta.url)), "../..");
const templates = join(home, "e2e/pack");
const examples = join(home, "examples");
/** What apps share that are made of templates. */
const shared = ["exercise.js", "exercise-components.js", "exercise-encoder.js", "react-notes.jsx", "records.js"];
export const bin = (name: string): string => join(home, "node_modules/.bin", name);

export interface Packed {
  work: string;
  tarball: string;
  context: BrowserContext;
}

/** One check each, by name: it throws when the app does not work. */
export type Apps = Record<string, (packed: Packed) => Promise<void>>;

/** Runs a command to its end; what it printed is in the error when it fails. */
/** As in a shell of the app's own: what runs the tests has set `NODE_ENV`, by which tools of apps go. */
export function appEnvironment(): NodeJS.ProcessEnv {
  const { NODE_ENV: _, ...inherited } = process.env;
  return { ...inherited, FORCE_COLOR: "0", NO_COLOR: "1", NEXT_TELEMETRY_DISABLED: "1" } as NodeJS.ProcessEnv;
}

export function run(command: string, args: string[], cwd: string): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    cwd,
    encoding: "utf8",
    timeout: 300_000,
    env: appEnvironment(),
  });
  if (error) throw error;
  if (status !== 0) throw new Error(`${command} ${args.join(" ")} exited with ${status}\n${stdout}\n${stderr}`);
  return stdout;
}

const installed = new Map<string, Promise<string>>();

/** A copy of a template with the tarball and its pinned tools installed, once for all apps that are made of it. */
export function install(packed: Packed, template: string, installAll = installAnew): Promise<string> {
  const app = installed.get(template) ?? installAll(packed, template);
  installed.set(template, app);
  return app;
}

async function installAnew({ work, tarball }: Packed, template: string): Promise<string> {
  const app = join(work, template);
  await cp(join(templates, template), app, { recursive: true });
  for (const file of shared) await cp(join(templates, file), join(app, file));
  await installDependencies(app, tarball);
  return app;
}

/** An example as it stands, with the tarball in place of the release that it names. */
export function installExample(packed: Packed, name: string): Promise<string> {
  return install(packed, `example-${name}`, async ({ work, tarball }, folder) => {
    const app = join(work, folder);
    await cp(join(examples, name), app, { recursive: true });
    await installDependencies(app, tarball);
    return app;
  });
}

async function installDependencies(app: string, tarball: string): Promise<void> {
  const manifest = JSON.parse(await readFile(join(app, "package.json"), "utf8")) as { dependencies?: Record<string, string> };
  const { chromadb, ...others } = manifest.dependencies ?? {};
  const dependencies = { ...others, "tidepool-db": `file:${tarball}` };
  await writeFile(join(app, "package.json"), JSON.stringify({ ...manifest, dependencies }));
  run("npm", ["install", "--no-package-lock", "--no-audit", "--no-fund", "--prefer-offline", "--loglevel=error"], app);
  if (chromadb !== undefined) await addClient(app);
}

/** Chroma's own client, unchanged, beside the package; an app takes none of what the client installs for a server. */
async function addClient(app: string): Promise<void> {
  await cp(resolve(await clientFolder(), "../.."), join(app, "node_modules"), { recursive: true });
}

/** An app with Chroma's own client. */
export function installOfficial(packed: Packed, template: string): Promise<string> {
  return install(packed, template, installWithClient);
}

async function installWithClient(packed: Packed, template: string): Promise<string> {
  const app = await installAnew(packed, template);
  await cp(join(templates, "exercise-official.js"), join(app, "exercise-official.js"));
  await addClient(app);
  return app;
}

/** An app with a model that is made here. */
export async function installWithModel(packed: Packed): Promise<string> {
  const app = await install(packed, "transformers");
  await writeTinyModel(join(app, "public/models/test/tiny"));
  return app;
}
