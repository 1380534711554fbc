/**
 * How the demo is built: its workers as modules, since the engine's worker loads parts of itself late; its notes cut into passages
 * beforehand; and a list of the files to keep for offline.
 */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { defineConfig, type Plugin } from "vite";
import { bundledNotes } from "./src/corpus.js";

const serviceWorker = fileURLToPath(new URL("./service-worker.js", import.meta.url));
const pages = ["index.html", "inspector.html"].map((name) => fileURLToPath(new URL(`./${name}`, import.meta.url)));
/** What the demo never asks for, though the package can do it. */
const unused = new RegExp(
  "inspector|hnswlib|parquet|arrow|zstd|npy|transformers|backup|encryption|export|import-|schema|bm25|publish|reembed|remote|" +
    "stemmers|stop-words",
);
/** What is large and comes later: the model, and readers of files, which are kept once they have been used. */
const late = /(?:\.bin$|pdf|docx|epub|html-|mammoth|linkedom)/;

/** Writes `sw.js` with the names of all files that the demo needs without a network. */
function offline(): Plugin {
  return {
    name: "offline",
    generateBundle(_, bundle) {
      const files = Object.keys(bundle).filter((name) => /\.(?:js|css|wasm)$/.test(name) && !unused.test(name) && !late.test(name));
      const version = files.join("").replace(/[^\w]/g, "");
      let hash = 0;
      for (const character of version) hash = (hash * 31 + character.charCodeAt(0)) | 0;
      const source = readFileSync(serviceWorker, "utf8")
        .replace("__VERSION__", (hash >>> 0).toString(36))
        .replace(
          '["__FILES__"]',
          JSON.stringify(["./", "./theme.js", "./icon.svg", "./manifest.webmanifest", ...files.map((name) => `./${name}`)]),
        );
      this.emitFile({ type: "asset", fileName: "sw.js", source });
    },
  };
}

/** The notes as passages, cut when the page is built: `virtual:corpus`. */
function corpus(): Plugin {
  const name = "virtual:corpus";
  return {
    name: "corpus",
    resolveId: (id) => (id === name ? `\0${name}` : undefined),
    async load(id) {
      return id === `\0${name}` ? `export const notes = ${JSON.stringify(await bundledNotes())};` : undefined;
    },
  };
}

export default defineConfig({
  base: "./",
  // A data URL would be an address that the page's policy does not allow.
  build: { target: "es2022", assetsInlineLimit: 0, rolldownOptions: { input: pages, checks: { bundlerTimings: false } } },
  worker: { format: "es", rolldownOptions: { checks: { bundlerTimings: false } } },
  plugins: [corpus(), offline()],
});
