import { fileURLToPath } from "node:url";

export default {
  resolve: {
    alias: {
      chromadb: "tidepool-db",
      "node:process": fileURLToPath(new URL("./node-process.js", import.meta.url)),
    },
  },
  // Where Chroma's packages look for keys. The dev server looks once, before any module: index.html makes the object.
  define: { "process.env": "globalThis.providerKeys" },
};
