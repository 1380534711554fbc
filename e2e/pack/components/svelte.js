import { mount, unmount } from "svelte";
import { TidepoolClient } from "tidepool-db";
import { exercise } from "./exercise-components.js";
import Notes from "./Notes.svelte";

globalThis.packed = new TidepoolClient({ path: "components-svelte" })
  .createCollection({ name: "notes", embeddingFunction: null })
  .then((collection) =>
    exercise(collection, (target) => {
      const app = mount(Notes, { target, props: { collection } });
      return () => unmount(app);
    }),
  );
