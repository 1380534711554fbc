/** Plain apps: bundlers, an extension, the inline variant. */
import { createHash } from "node:crypto";
import { cp, readdir, realpath, rm } from "node:fs/promises";
import { join } from "node:path";
import { openBrowser } from "../../tools/browser/browser.js";
import { encoderFound, expectWorking } from "./expectations.js";
import { type Apps, install, run } from "./packed-app.js";
import { whileServing, whileStatic } from "./serving-apps.js";

const deep = "/deep/er/";

/** An unpacked extension's id is a hash of where it lies. */
async function extensionId(folder: string): Promise<string> {
  const hash = createHash("sha256")
    .update(await realpath(folder))
    .digest("hex")
    .slice(0, 32);
  return [...hash].map((digit) => String.fromCharCode(97 + Number.parseInt(digit, 16))).join("");
}

export const bundledApps: Apps = {
  "vite dev": async (packed) => {
    const app = await install(packed, "vite");
    await whileServing(app, [], "/", (url) => expectWorking(packed.context, url));
  },
  "vite build": async (packed) => {
    const app = await install(packed, "vite");
    run(join(app, "node_modules/.bin/vite"), ["build"], app);
    const kernels = (await readdir(join(app, "dist/assets"))).filter((name) => name.endsWith(".wasm"));
    if (kernels.length !== 2) throw new Error(`the build has ${kernels.length} kernel files, not 2: one was inlined or copied`);
    await whileServing(app, ["preview"], "/", (url) => expectWorking(packed.context, url));
  },
  [`vite build under ${deep}`]: async (packed) => {
    const app = await install(packed, "vite");
    run(join(app, "node_modules/.bin/vite"), ["build", `--base=${deep}`], app);
    await whileServing(app, ["preview", `--base=${deep}`], deep, (url) => expectWorking(packed.context, url));
  },
  "webpack production": async (packed) => {
    const app = await install(packed, "webpack");
    run(join(app, "node_modules/.bin/webpack"), ["--mode", "production"], app);
    await cp(join(app, "public/index.html"), join(app, "dist/index.html"));
    await whileStatic(join(app, "dist"), (url) => expectWorking(packed.context, url));
  },
  "extension page": async (packed) => {
    const app = await install(packed, "extension");
    await cp(join(app, "node_modules/tidepool-db/dist"), join(app, "tidepool"), { recursive: true });
    await rm(join(app, "node_modules"), { recursive: true });
    const context = await openBrowser(join(packed.work, "extension-profile"), { extensions: [app] });
    try {
      const extension = `chrome-extension://${await extensionId(app)}`;
      await expectWorking(context, `${extension}/page.html`);
      await expectWorking(context, `${extension}/encoder.html`, encoderFound);
    } finally {
      await context.close();
    }
  },
  "inline variant, esbuild": async (packed) => {
    const app = await install(packed, "inline-esbuild");
    run(join(app, "node_modules/.bin/esbuild"), ["main.js", "--bundle", "--format=esm", "--splitting", "--outdir=built"], app);
    await whileStatic(app, (url) => expectWorking(packed.context, url));
  },
};
