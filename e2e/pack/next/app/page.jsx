import { Notes } from "./notes";

/** Rendered on the server, when the app is built. */
export default function Page() {
  return <Notes />;
}
