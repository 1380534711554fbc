/**
 * The pages of the site, from the Markdown of the repository: which file becomes which page, where its links then lead, and its
 * sections, which are what the search finds. Owns nothing on disk but what it is told to write.
 */
import { copyFile, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join, posix } from "node:path";

/** Files of the repository that become pages under another name. */
const renamed = {
  "README.md": "index.md",
  "docs/index.md": "contents.md",
  "ARCHITECTURE.md": "architecture.md",
  "CHANGELOG.md": "changelog.md",
  "SECURITY.md": "security.md",
  "bench/README.md": "bench.md",
};

/** The heading's anchor as GitHub makes it, and as links in the repository mean it. */
export function anchorOf(/** @type {string} */ heading) {
  const shown = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, "$1").toLowerCase();
  return shown.replace(/[^\p{L}\p{N} _-]/gu, "").replaceAll(" ", "-");
}

/**
 * Which page each Markdown file becomes, by its path in the repository.
 *
 * @param {string} root
 * @returns {Promise<Map<string, string>>}
 */
export async function readPageNames(root) {
  const names = new Map(Object.entries(renamed));
  for (const folder of ["docs", "docs/internals"]) {
    for (const name of (await readdir(join(root, folder))).sort())
      if (name.endsWith(".md") && !names.has(`${folder}/${name}`))
        names.set(`${folder}/${name}`, posix.relative("docs", `${folder}/${name}`));
  }
  return names;
}

/**
 * The groups of `docs/index.md` with their pages: what the site shows beside each page.
 *
 * @param {string} root
 */
export async function readGroups(root) {
  const text = await readFile(join(root, "docs/index.md"), "utf8");
  return text
    .split(/^## /m)
    .slice(1)
    .map((part) => ({
      title: String(part.split("\n")[0]),
      pages: [...part.matchAll(/^- \[([^\]]+)\]\(([^)]+)\)(?:: (.*))?$/gm)].map(([, title, file, about]) => ({
        title: String(title),
        file: String(file),
        about: about ?? "",
      })),
    }));
}

/**
 * Calls `change` for each link outside code, and puts its answer in the link's place.
 *
 * @param {string} text
 * @param {(link: string) => string} change
 */
function withLinks(text, change) {
  const parts = text.split(/(^```[\s\S]*?^```|`[^`\n]*`(?!\]))/m);
  return parts
    .map((part, i) => (i % 2 === 1 ? part : part.replace(/(\]\()([^)\s]+)(\))/g, (_, open, link, close) => open + change(link) + close)))
    .join("");
}

/**
 * Writes all pages below `to`, and what they link to that is no page below `to`/public.
 *
 * @param {string} root
 * @param {string} to
 */
export async function writePages(root, to) {
  const names = await readPageNames(root);
  const files = new Set();
  for (const [path, page] of names) {
    const text = await readFile(join(root, path), "utf8");
    const changed = withLinks(text, (link) => {
      if (/^(?:[a-z]+:|#)/.test(link)) return link;
      const [file = "", anchor] = link.split("#");
      const target = posix.join(posix.dirname(path), file);
      const into = names.get(target);
      if (into === undefined) {
        files.add(target);
        return `/files/${target}`;
      }
      return `/${into}${anchor === undefined ? "" : `#${anchor}`}`;
    });
    await mkdir(dirname(join(to, page)), { recursive: true });
    await writeFile(join(to, page), page === "index.md" ? asHome(changed) : changed);
  }
  for (const file of files) {
    await mkdir(dirname(join(to, "public/files", file)), { recursive: true });
    await copyFile(join(root, file), join(to, "public/files", file));
  }
}

/** The README as the site's first page: its first sentence large beside its picture, the rest below. */
function asHome(/** @type {string} */ text) {
  const [, sentence] = /^\*\*(.+?)\*\*$/m.exec(text) ?? [];
  if (sentence === undefined) throw new Error("README.md has lost its first sentence in bold");
  const [, alt, src] = /^!\[(.+?)\]\((.+?)\)$/m.exec(text) ?? [];
  if (src === undefined) throw new Error("README.md has lost its picture");
  const rest = text.slice(text.indexOf("## Start"));
  const hero = {
    layout: "home",
    hero: {
      name: "Tidepool",
      tagline: sentence,
      image: { src, alt },
      actions: [
        { theme: "brand", text: "Getting started", link: "/getting-started" },
        { theme: "alt", text: "All pages", link: "/contents" },
        { theme: "alt", text: "API reference", link: "/reference/" },
      ],
    },
  };
  return `---\n${JSON.stringify(hero)}\n---\n\n${rest}`;
}

const sectionCharactersMax = 4000;

/**
 * The sections of all pages, as the search has them: title of page and section, where it is, and its text without markup.
 *
 * @param {string} folder Where the pages were written.
 * @param {readonly string[]} pages Their paths there.
 */
export async function readSections(folder, pages) {
  const sections = [];
  for (const page of pages) {
    const text = (await readFile(join(folder, page), "utf8")).replace(/^---\n[\s\S]*?\n---\n/, "");
    const [, heading = "Tidepool"] = /^# (.+)$/m.exec(text) ?? [];
    const url = `/${page.replace(/(^|\/)index\.md$/, "$1").replace(/\.md$/, ".html")}`;
    for (const part of text.split(bordersOf(page))) {
      const [, own] = /^#{1,3} (.+)$/m.exec(part) ?? [];
      const body = plain(part.replace(/^#{1,3} .+$/m, ""));
      if (body === "") continue;
      const title = plain(own ?? heading);
      const at = own === undefined || own === heading ? url : `${url}#${anchorOf(own)}`;
      sections.push({ url: at, page: plain(heading), title, text: body.slice(0, sectionCharactersMax) });
    }
  }
  return sections;
}

/** Where sections begin: pages at their headings, classes of the reference at their members, and what else it has nowhere. */
function bordersOf(/** @type {string} */ page) {
  if (!page.startsWith("reference/")) return /^(?=##? )/m;
  return page.includes("/classes/") ? /^(?=### )/m : /$^/;
}

/** What a reader sees of Markdown, about. */
function plain(/** @type {string} */ text) {
  return text
    .replace(/^```.*$/gm, "")
    .replace(/<!--[\s\S]*?-->|<a id="[^"]*"><\/a>/g, "")
    .replace(/!?\[([^\]]*)\]\([^)]*\)/g, "$1")
    .replace(/^\|[-:| ]+\|$/gm, "")
    .replace(/[`*|\\]/g, " ")
    .replace(/\s+/g, " ")
    .trim();
}
