/** How VitePress shows the staged pages. `build.mjs` puts this file, the theme and the navigation beside them. */
import { readFileSync } from "node:fs";
import { anchorOf } from "./pages.mjs";

const { sidebar, reference } = JSON.parse(readFileSync(new URL("./navigation.json", import.meta.url), "utf8"));

export default {
  title: "Tidepool",
  description: "A vector database that runs inside a web page",
  lang: "en",
  head: [["link", { rel: "icon", href: "/icon.svg", type: "image/svg+xml" }]],
  ignoreDeadLinks: [/^\/files\//, /^http:\/\/localhost/],
  markdown: { anchor: { slugify: anchorOf }, theme: { light: "github-light-high-contrast", dark: "github-dark-high-contrast" } },
  themeConfig: {
    logo: "/icon.svg",
    outline: [2, 3],
    nav: [
      { text: "Guide", link: "/getting-started", activeMatch: "^/(?!reference|architecture|internals|$)" },
      { text: "API", link: "/reference/", activeMatch: "^/reference" },
      { text: "How it works", link: "/architecture", activeMatch: "^/(architecture|internals)" },
    ],
    sidebar: { "/reference/": [{ text: "API reference", link: "/reference/", items: reference }], "/": sidebar },
    docFooter: { prev: false, next: false },
  },
};
