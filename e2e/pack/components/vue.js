import { TidepoolClient } from "tidepool-db";
import { createApp } from "vue";
import { exercise } from "./exercise-components.js";
import NoteList from "./NoteList.vue";

globalThis.packed = new TidepoolClient({ path: "components-vue" })
  .createCollection({ name: "notes", embeddingFunction: null })
  .then((collection) =>
    exercise(collection, (element) => {
      const app = createApp(NoteList, { collection });
      app.mount(element);
      return () => app.unmount();
    }),
  );
