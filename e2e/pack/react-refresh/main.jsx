import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { TidepoolClient } from "tidepool-db";
import { TidepoolProvider } from "tidepool-db/react";
import { Notes } from "./notes.jsx";

const options = { path: "react-refresh" };
const collection = new TidepoolClient(options).getOrCreateCollection({ name: "notes", embeddingFunction: null });
globalThis.add = async (id) => (await collection).add({ ids: [id], embeddings: [[1, 2]] });

createRoot(document.getElementById("root")).render(
  <StrictMode>
    <TidepoolProvider options={options}>
      <Notes />
    </TidepoolProvider>
  </StrictMode>,
);
