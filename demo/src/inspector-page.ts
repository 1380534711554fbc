/** The inspector on the demo's database, or on that of this origin which the address names: `inspector.html?path=notes`. */
import "tidepool-db/inspector";

const inspector = document.createElement("tidepool-inspector");
inspector.path = new URLSearchParams(location.search).get("path") ?? "library";
document.body.append(inspector);
