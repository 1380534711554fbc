import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { TidepoolProvider } from "tidepool-db/react";
import { Notes } from "./notes.jsx";

createRoot(document.getElementById("root")).render(
  <StrictMode>
    <TidepoolProvider options={{ path: "notes" }}>
      <Notes />
    </TidepoolProvider>
  </StrictMode>,
);
