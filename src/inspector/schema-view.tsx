/** What is fixed of a collection, and what can be changed: configuration, schema, metadata, as JSON. */
import type { Collection } from "../api/collection.js";
import { ScrollingPage } from "./menu.js";

export function SchemaView({ collection }: { collection: Collection }) {
  const { id, tenant, database, metadata, configuration, schema } = collection;
  return (
    <ScrollingPage label="Schema">
      <dl class="facts-list">
        <dt>Id</dt>
        <dd>{id}</dd>
        <dt>CRN</dt>
        <dd>
          {tenant}:{database}:{collection.name}
        </dd>
        <dt>Texts are embedded by</dt>
        <dd>{embedderOf(collection)}</dd>
      </dl>
      <JsonBlock title="Metadata" value={metadata ?? null} />
      <JsonBlock title="Configuration" value={configuration} />
      <JsonBlock title="Schema" value={schema.serializeToJSON()} />
    </ScrollingPage>
  );
}

function embedderOf({ configuration, embeddingFunction }: Collection): string {
  const stored = configuration.embedding_function;
  if (stored == null) return "nobody: embeddings are given";
  return embeddingFunction === undefined ? `${stored.name}, which this page does not have` : stored.name;
}

function JsonBlock({ title, value }: { title: string; value: unknown }) {
  return (
    <section>
      <h3>{title}</h3>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard */}
      <pre tabIndex={0}>{JSON.stringify(value, null, 2)}</pre>
    </section>
  );
}
