/** Apps of component frameworks, and the package's own component. */
import { join } from "node:path";
import { componentsFound, expectRefreshing, expectWorking } from "./expectations.js";
import { type Apps, install, run } from "./packed-app.js";
import { whileServing, whileStatic } from "./serving-apps.js";

export const componentApps: Apps = {
  "React, Svelte and Vue, vite build": async (packed) => {
    const app = await install(packed, "components");
    run(join(app, "node_modules/.bin/vite"), ["build"], app);
    await whileStatic(join(app, "dist"), async (url) => {
      for (const page of ["react", "svelte", "vue"]) await expectWorking(packed.context, `${url}${page}.html`, componentsFound);
    });
  },
  "React 18, vite build": async (packed) => {
    const app = await install(packed, "react-18");
    run(join(app, "node_modules/.bin/vite"), ["build"], app);
    await whileStatic(join(app, "dist"), (url) => expectWorking(packed.context, url, componentsFound));
  },
  "inspector, vite build": async (packed) => {
    const app = await install(packed, "inspector");
    run(join(app, "node_modules/.bin/vite"), ["build"], app);
    await whileStatic(join(app, "dist"), (url) => expectWorking(packed.context, url, "ebb"));
  },
  "React, vite dev, with an edit": async (packed) => {
    const app = await install(packed, "react-refresh");
    await whileServing(app, [], "/", (url) => expectRefreshing(packed.context, url, join(app, "notes.jsx")));
  },
};
