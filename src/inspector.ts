/**
 * The entry `tidepool-db/inspector`: importing it defines `<tidepool-inspector>`, where there are custom elements. On a server
 * it does nothing.
 */
import { TidepoolInspector } from "./inspector/tidepool-inspector.js";

export { TidepoolInspector };

declare global {
  interface HTMLElementTagNameMap {
    "tidepool-inspector": TidepoolInspector;
  }
}

// Two copies of the package in one page: the first one's element serves both.
if (globalThis.customElements?.get("tidepool-inspector") === undefined) {
  globalThis.customElements?.define("tidepool-inspector", TidepoolInspector);
}
