import { svelte } from "@sveltejs/vite-plugin-svelte";
import vue from "@vitejs/plugin-vue";

/** An app in each of three frameworks, of which none minds the other's plugin. */
export default {
  plugins: [svelte(), vue()],
  build: { rolldownOptions: { input: ["react.html", "svelte.html", "vue.html"] } },
};
