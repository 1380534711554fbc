import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { TidepoolClient } from "tidepool-db";
import { TidepoolProvider, useCollection, useLiveQuery } from "tidepool-db/react";
import { exercise } from "./exercise-components.js";

const name = "notes";
const path = "components-react";

function Notes() {
  const { collection } = useCollection({ name, embeddingFunction: null });
  const { results } = useLiveQuery(collection, { get: { limit: 10 } });
  return results?.ids.map((id) => <p key={id}>{id}</p>);
}

function mount(element) {
  const root = createRoot(element);
  root.render(
    <StrictMode>
      <TidepoolProvider options={{ path }}>
        <Notes />
      </TidepoolProvider>
    </StrictMode>,
  );
  return () => root.unmount();
}

globalThis.packed = new TidepoolClient({ path })
  .createCollection({ name, embeddingFunction: null })
  .then((collection) => exercise(collection, mount));
