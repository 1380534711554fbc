/** Apps with what is optional: an index engine, models and LangChain. */
import { cp } from "node:fs/promises";
import { join } from "node:path";
import { encoderFound, expectForbidden, expectWorking, langchainFound, strictPolicy, transformersFound } from "./expectations.js";
import { type Apps, install, installWithModel, run } from "./packed-app.js";
import { whileServing, whileStatic } from "./serving-apps.js";

export const modelApps: Apps = {
  "hnswlib, vite dev": async (packed) => {
    const app = await install(packed, "hnswlib");
    await whileServing(app, [], "/", (url) => expectWorking(packed.context, url));
  },
  "hnswlib, vite build": async (packed) => {
    const app = await install(packed, "hnswlib");
    run(join(app, "node_modules/.bin/vite"), ["build"], app);
    await whileStatic(join(app, "dist"), (url) => expectWorking(packed.context, url));
    await whileStatic(join(app, "dist"), (url) => expectForbidden(packed.context, url), { "content-security-policy": strictPolicy });
  },
  "hnswlib, webpack production": async (packed) => {
    const app = await install(packed, "hnswlib");
    run(join(app, "node_modules/.bin/webpack"), ["--mode", "production", "--entry", "./main.js"], app);
    await cp(join(app, "webpack.html"), join(app, "dist/index.html"));
    await whileStatic(join(app, "dist"), (url) => expectWorking(packed.context, url));
  },
  "sentence encoder, vite dev": async (packed) => {
    const app = await install(packed, "sentence-encoder");
    await whileServing(app, [], "/", (url) => expectWorking(packed.context, url, encoderFound));
  },
  "sentence encoder, vite build": async (packed) => {
    const app = await install(packed, "sentence-encoder");
    run(join(app, "node_modules/.bin/vite"), ["build"], app);
    const use = (url: string) => expectWorking(packed.context, url, encoderFound);
    await whileStatic(join(app, "dist"), use, { "content-security-policy": strictPolicy });
  },
  "sentence encoder, webpack production": async (packed) => {
    const app = await install(packed, "sentence-encoder");
    run(join(app, "node_modules/.bin/webpack"), ["--mode", "production", "--entry", "./main.js"], app);
    await cp(join(app, "webpack.html"), join(app, "dist/index.html"));
    await whileStatic(join(app, "dist"), (url) => expectWorking(packed.context, url, encoderFound));
  },
  "transformers.js, vite dev": async (packed) => {
    const app = await installWithModel(packed);
    await whileServing(app, [], "/", (url) => expectWorking(packed.context, url, transformersFound));
  },
  "transformers.js, vite build": async (packed) => {
    const app = await installWithModel(packed);
    run(join(app, "node_modules/.bin/vite"), ["build"], app);
    const use = (url: string) => expectWorking(packed.context, url, transformersFound);
    await whileStatic(join(app, "dist"), use, { "content-security-policy": strictPolicy });
  },
  "transformers.js, webpack production": async (packed) => {
    const app = await installWithModel(packed);
    run(join(app, "node_modules/.bin/webpack"), ["--mode", "production", "--entry", "./main.js", "--output-path", "built"], app);
    await cp(join(app, "webpack.html"), join(app, "built/index.html"));
    await cp(join(app, "public/models"), join(app, "built/models"), { recursive: true });
    await whileStatic(join(app, "built"), (url) => expectWorking(packed.context, url, transformersFound));
  },
  "LangChain, vite build": async (packed) => {
    const app = await install(packed, "langchain");
    run(join(app, "node_modules/.bin/vite"), ["build"], app);
    await whileStatic(join(app, "dist"), (url) => expectWorking(packed.context, url, langchainFound));
  },
};
