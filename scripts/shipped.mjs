/**
 * Whose code is in `dist/`: the packages that modules of the bundles come from, the bundler's own helpers, and what the compiler
 * puts into the kernels. Their licences and the bill of materials are written from one list, so that neither knows of fewer.
 */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

/** Modules that a bundler makes up have a NUL before their names; these are the packages whose code is in them. */
const HELPERS = [
  { name: "rolldown", of: /^\0rolldown\// },
  { name: "vite", of: /^\0vite\// },
];

/** Parts of its standard library are compiled into the kernels. */
const COMPILED_IN = ["assemblyscript"];

/**
 * Names of the packages, sorted. Throws for a module of which it cannot tell whose it is.
 *
 * @param {Iterable<string>} modules ids of all modules in the bundles
 * @param {string} source the folder of our own modules
 * @returns {string[]}
 */
export function packagesOf(modules, source) {
  const names = new Set(COMPILED_IN);
  for (const id of modules) {
    const helper = HELPERS.find(({ of }) => of.test(id));
    const name = helper?.name ?? /.*[\\/]node_modules[\\/]((?:@[^\\/]+[\\/])?[^\\/]+)/.exec(id)?.[1];
    if (name !== undefined) names.add(name.replace("\\", "/"));
    else if (!id.startsWith(source))
      throw new Error(`Nobody knows whose code is in the module ${JSON.stringify(id)}, and under which licence`);
  }
  return [...names].sort();
}

/**
 * A package as it is installed.
 *
 * @param {string} home
 * @param {string} name
 */
async function manifestOf(home, name) {
  return JSON.parse(await readFile(join(home, "node_modules", name, "package.json"), "utf8"));
}

/**
 * The licences of the packages, with their notices.
 *
 * @param {string} home
 * @param {readonly string[]} names
 */
export async function licencesOf(home, names) {
  const parts = await Promise.all(names.map((name) => licenceOf(home, name)));
  return `The files of this folder contain code of these packages.\n\n${parts.join("\n")}`;
}

/**
 * @param {string} home
 * @param {string} name
 */
async function licenceOf(home, name) {
  const folder = join(home, "node_modules", name);
  const { version, license } = await manifestOf(home, name);
  const files = (await readdir(folder)).filter((file) => /^(licen[cs]e|notice)/i.test(file)).sort();
  if (files.length === 0) throw new Error(`${name} has no licence in it`);
  const texts = await Promise.all(files.map((file) => readFile(join(folder, file), "utf8")));
  return [`${"=".repeat(80)}\n${name} ${version} (${license})\n${"=".repeat(80)}`, ...texts.map((text) => text.trim()), ""].join("\n\n");
}

/**
 * The bill of materials, as CycloneDX. Nothing in it depends on when it is made.
 *
 * @param {string} home
 * @param {readonly string[]} names
 */
export async function billOf(home, names) {
  const own = JSON.parse(await readFile(join(home, "package.json"), "utf8"));
  const lock = JSON.parse(await readFile(join(home, "package-lock.json"), "utf8"));
  const peers = Object.keys(own.peerDependencies ?? {});
  const parts = await Promise.all([
    ...names.map((name) => componentOf(home, name, lock, "required")),
    ...peers.map((name) => componentOf(home, name, lock, "optional")),
  ]);
  const { name, version, description, license } = own;
  const purl = `pkg:npm/${name}@${version}`;
  const component = { "bom-ref": purl, type: "library", name, version, description, licenses: [{ license: { id: license } }], purl };
  const refs = parts.map((part) => part["bom-ref"]);
  const dependencies = [{ ref: purl, dependsOn: refs }, ...refs.map((ref) => ({ ref }))];
  return { bomFormat: "CycloneDX", specVersion: "1.5", version: 1, metadata: { component }, components: parts, dependencies };
}

/**
 * @param {string} home
 * @param {string} name
 * @param {{ packages: Record<string, { integrity?: string }> }} lock
 * @param {"required" | "optional"} scope optional is what users install, or not
 */
async function componentOf(home, name, lock, scope) {
  const { version, license } = await manifestOf(home, name);
  const purl = `pkg:npm/${name.replace(/^@/, "%40")}@${version}`;
  const integrity = lock.packages[`node_modules/${name}`]?.integrity ?? "";
  const content = Buffer.from(integrity.replace(/^sha512-/, ""), "base64").toString("hex");
  if (!/^sha512-/.test(integrity)) throw new Error(`package-lock.json has no SHA-512 of ${name}`);
  const licenses = [/ (?:OR|AND) /.test(license) ? { expression: license } : { license: { id: license } }];
  return { "bom-ref": purl, type: "library", name, version, scope, licenses, purl, hashes: [{ alg: "SHA-512", content }] };
}
