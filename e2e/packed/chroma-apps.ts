/** Apps that were written for Chroma: its own client and embedding packages, and LangChain's class for it. */
import { cp } from "node:fs/promises";
import { join } from "node:path";
import { expectAsking, expectWorking, langchainChromaFound, officialFound } from "./expectations.js";
import { type Apps, install, installOfficial, run } from "./packed-app.js";
import { whileServing, whileStatic } from "./serving-apps.js";

export const chromaApps: Apps = {
  "LangChain's class for Chroma, vite build": async (packed) => {
    const app = await install(packed, "langchain-chroma");
    run(join(app, "node_modules/.bin/vite"), ["build"], app);
    await whileStatic(join(app, "dist"), (url) => expectWorking(packed.context, url, langchainChromaFound));
  },
  "chromadb, vite dev": async (packed) => {
    const app = await installOfficial(packed, "official-vite");
    await whileServing(app, [], "/", (url) => expectWorking(packed.context, url, officialFound));
  },
  "chromadb, vite build": async (packed) => {
    const app = await installOfficial(packed, "official-vite");
    run(join(app, "node_modules/.bin/vite"), ["build"], app);
    await whileServing(app, ["preview"], "/", (url) => expectWorking(packed.context, url, officialFound));
  },
  "chromadb, webpack": async (packed) => {
    const app = await installOfficial(packed, "official-webpack");
    run(join(app, "node_modules/.bin/webpack"), ["--mode", "production"], app);
    await cp(join(app, "public/index.html"), join(app, "dist/index.html"));
    await whileStatic(join(app, "dist"), (url) => expectWorking(packed.context, url, officialFound));
  },
  "Chroma's embedding packages, vite dev": async (packed) => {
    const app = await install(packed, "chroma-embeddings");
    await whileServing(app, [], "/", (url) => expectAsking(packed.context, url));
  },
  "Chroma's embedding packages, vite build": async (packed) => {
    const app = await install(packed, "chroma-embeddings");
    run(join(app, "node_modules/.bin/vite"), ["build"], app);
    await whileStatic(join(app, "dist"), (url) => expectAsking(packed.context, url));
  },
};
