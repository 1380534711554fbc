/**
 * Builds the documentation as a site, into `docs/site/dist`: `npm run docs`, after the build of the package. The pages are the
 * Markdown of the repository; the reference is made of the declarations in `dist/` by TypeDoc; the search is the built package,
 * served beside the pages. Nothing is asked of the network but what this folder's own lock file names, once.
 *
 *     npm run docs [-- --base=/somewhere/] [--serve]
 */
import { spawnSync } from "node:child_process";
import { cp, mkdir, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { readGroups, readPageNames, readSections, writePages } from "./pages.mjs";

const here = fileURLToPath(new URL(".", import.meta.url));
const root = fileURLToPath(new URL("../..", import.meta.url));
const staged = join(here, ".cache/pages");
const built = join(here, "dist");
const base = process.argv.find((argument) => argument.startsWith("--base="))?.slice("--base=".length) ?? "/";

/** Of a page that searches; models, providers and what else it never loads stay away. */
const needless =
  /\.d\.ts$|\.bin$|^(?:inline|hnswlib|embeddings|langchain|react|rest|sentence-encoder|service-worker|encryption|stemmers|stop-words|telemetry|transformers)/;

/** @param {string} path */
const modified = async (path) => (await stat(path).catch(() => null))?.mtimeMs ?? 0;

/** The tools, from the lock file beside this one, where they are missing or another lock file was meant. */
async function install() {
  const [lock, present] = await Promise.all([
    modified(join(here, "package-lock.json")),
    modified(join(here, "node_modules/.package-lock.json")),
  ]);
  if (present >= lock) return;
  run("npm", ["ci", "--no-audit", "--no-fund", "--prefer-offline", "--loglevel=error"]);
}

/**
 * @param {string} command
 * @param {string[]} args
 */
function run(command, args) {
  const { status, error } = spawnSync(command, args, { cwd: here, stdio: "inherit" });
  if (error) throw error;
  if (status !== 0) throw new Error(`${command} ${args.join(" ")} exited with ${status}`);
}

/** The entries of the package by what imports say, such as "tidepool-db/rest", and their declarations. Two have those of another. */
async function readEntries() {
  const { name, exports } = JSON.parse(await readFile(join(root, "package.json"), "utf8"));
  const entries = Object.entries(exports).filter(([path, { types }]) => types && !["./inline", "./worker"].includes(path));
  return entries.map(([path, { types }]) => ({ name: path.replace(".", name), types: join(root, types) }));
}

const reference = {
  out: join(staged, "reference"),
  plugin: ["typedoc-plugin-markdown"],
  name: "API reference",
  readme: "none",
  router: "member",
  entryFileName: "index",
  hidePageHeader: true,
  disableSources: true,
  excludeInternal: true,
  excludePrivate: true,
  skipErrorChecking: true,
  useCodeBlocks: true,
  parametersFormat: "table",
  propertiesFormat: "table",
  interfacePropertiesFormat: "table",
  sanitizeComments: true,
  logLevel: "Error",
};

/** One page for each public symbol, in a folder for each entry of the package, which is named as imports name it. */
async function writeReference(/** @type {Awaited<ReturnType<typeof readEntries>>} */ entries) {
  const folder = join(here, ".cache/entries");
  const entryPoints = [];
  for (const { name, types } of entries) {
    const file = join(folder, `${name}.ts`);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, `export * from ${JSON.stringify(types.replace(/\.d\.ts$/, ".js"))};\n`);
    entryPoints.push(file);
  }
  const compilerOptions = { target: "es2022", lib: ["es2023", "dom", "dom.iterable"], module: "esnext", moduleResolution: "bundler" };
  const tsconfig = join(here, ".cache/tsconfig.json");
  await writeFile(tsconfig, JSON.stringify({ compilerOptions, files: entryPoints }));
  await writeFile(join(here, ".cache/typedoc.json"), JSON.stringify({ ...reference, tsconfig, entryPoints, basePath: folder }));
  run(process.execPath, [join(here, "node_modules/typedoc/bin/typedoc"), "--options", join(here, ".cache/typedoc.json")]);
}

/** The reference's part of the navigation. Interfaces and types are on the page of their entry: with them each page would have all. */
function referenceItems(/** @type {Awaited<ReturnType<typeof readEntries>>} */ entries) {
  const items = entries.map(async ({ name }) => {
    const symbols = ["classes", "functions"].map(async (kind) => {
      const names = await readdir(join(reference.out, name, kind)).catch(() => []);
      return names.sort().map((file) => ({ text: file.slice(0, -3), link: `/reference/${name}/${kind}/${file.slice(0, -3)}` }));
    });
    return { text: name, link: `/reference/${name}/`, collapsed: name.includes("/"), items: (await Promise.all(symbols)).flat() };
  });
  return Promise.all(items);
}

/** What the configuration and the search read: navigation as JSON, sections as JSON, the package as it was built. */
async function writeData(/** @type {Awaited<ReturnType<typeof readEntries>>} */ entries) {
  const groups = await readGroups(root);
  const internals = [...(await readPageNames(root)).values()].filter((page) => page.startsWith("internals/"));
  const sidebar = groups.map(({ title, pages }) => ({
    text: title,
    items: pages.map((page) => ({ text: page.title, link: `/${page.file.replace(/\.md$/, "")}` })),
  }));
  const inside = [
    { text: "Architecture", link: "/architecture" },
    ...internals.map((page) => ({ text: page.slice("internals/".length, -3).replaceAll("-", " "), link: `/${page.slice(0, -3)}` })),
    { text: "Benchmark suites", link: "/bench" },
    { text: "Security", link: "/security" },
    { text: "Changes", link: "/changelog" },
  ];
  const navigation = {
    sidebar: [...sidebar, { text: "How it works", collapsed: true, items: inside }],
    reference: await referenceItems(entries),
  };
  await writeFile(join(staged, ".vitepress/navigation.json"), JSON.stringify(navigation));
  const pages = (await readdir(staged, { recursive: true })).map((name) => name.replaceAll("\\", "/"));
  const searched = pages.filter(
    (name) => name.endsWith(".md") && !/^(?:contents|changelog|bench)\.md$|^public|^\.vitepress|^reference\/index/.test(name),
  );
  await writeFile(join(staged, "public/search.json"), JSON.stringify(await readSections(staged, searched.sort())));
  await cp(join(root, "dist"), join(staged, "public/tidepool"), {
    recursive: true,
    filter: (source) => !needless.test(source.slice(join(root, "dist/").length)),
  });
}

/** For programs that read: a list of the pages, the pages as they are, and all of them in one file. See https://llmstxt.org. */
async function writeForModels() {
  const readme = await readFile(join(root, "README.md"), "utf8");
  const [, sentence] = /^\*\*(.+?)\*\*$/m.exec(readme) ?? [];
  const lists = [];
  const texts = [readme];
  for (const { title, pages } of await readGroups(root)) {
    lists.push(
      `## ${title}\n\n${pages.map((page) => `- [${page.title}](${base}${page.file})${page.about && `: ${page.about}`}`).join("\n")}`,
    );
    for (const { file } of pages) {
      texts.push(await readFile(join(root, "docs", file), "utf8"));
      await cp(join(staged, file), join(built, file));
    }
  }
  await writeFile(join(built, "llms.txt"), `# Tidepool\n\n> ${sentence}\n\n${lists.join("\n\n")}\n`);
  await writeFile(join(built, "llms-full.txt"), texts.join("\n\n---\n\n"));
}

await install();
await rm(join(here, ".cache"), { recursive: true, force: true });
await mkdir(join(staged, ".vitepress"), { recursive: true });
await mkdir(join(staged, "public"), { recursive: true });
await writePages(root, staged);
await cp(join(root, "demo/public/icon.svg"), join(staged, "public/icon.svg"));
const entries = await readEntries();
await writeReference(entries);
await writeData(entries);
await cp(join(here, "theme"), join(staged, ".vitepress/theme"), { recursive: true });
await cp(join(here, "config.mjs"), join(staged, ".vitepress/config.mjs"));
await cp(join(here, "pages.mjs"), join(staged, ".vitepress/pages.mjs"));
const { build, serve } = await import("vitepress");
await build(staged, { outDir: built, base });
await writeForModels();
if (process.argv.includes("--serve")) await serve({ root: staged, base });
