import { fileURLToPath } from "node:url";

const file = (name) => fileURLToPath(new URL(name, import.meta.url));

export default {
  resolve: {
    alias: {
      "node:process": file("./node-process.js"),
      // Chroma's own embedding function, which the client imports where it is installed.
      "@chroma-core/default-embed": file("./no-default-embed.js"),
    },
  },
};
