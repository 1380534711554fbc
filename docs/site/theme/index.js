/** VitePress's own theme, with the site's colours and a search that is the package itself. */
import DefaultTheme from "vitepress/theme";
import { h } from "vue";
import { SearchBox } from "./search-box.js";
import "./style.css";

export default {
  extends: DefaultTheme,
  Layout: () => h(DefaultTheme.Layout, null, { "nav-bar-content-before": () => h(SearchBox) }),
};
