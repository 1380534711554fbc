/** The import alone defines the element: no bundler may take it for one that does nothing. */
import { TidepoolClient } from "tidepool-db";
import "tidepool-db/inspector";

async function exercise() {
  const client = new TidepoolClient({ path: "packed" });
  const collection = await client.getOrCreateCollection({ name: "tides", embeddingFunction: null });
  await collection.upsert({ ids: ["ebb"], embeddings: [[1, 2]] });
  const inspector = document.createElement("tidepool-inspector");
  inspector.client = client;
  document.body.append(inspector);
  (await found(inspector, ".collection")).click();
  return (await found(inspector, "tbody th button")).textContent;
}

/** Resolves once the inspector shows it. */
function found({ shadowRoot }, selector) {
  return new Promise((resolve) => {
    const look = () => {
      const element = shadowRoot.querySelector(selector);
      if (element === null) return;
      watch.disconnect();
      resolve(element);
    };
    const watch = new MutationObserver(look);
    watch.observe(shadowRoot, { subtree: true, childList: true });
    look();
  });
}

globalThis.packed = exercise();
