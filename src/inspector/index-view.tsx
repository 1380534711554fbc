/** The vector index of a collection: how far it has come, how much it finds, and what decides that. */
import { useState } from "preact/hooks";
import type { Collection } from "../api/collection.js";
import type { RecallReport } from "../core/service.js";
import { FormDialog } from "./dialog.js";
import { figure, percent } from "./format.js";
import { useLoaded } from "./hooks.js";
import { ScrollingPage } from "./menu.js";
import type { Session } from "./session.js";

interface IndexProps {
  session: Session;
  collection: Collection;
}

export function IndexView({ session, collection }: IndexProps) {
  const status = useLoaded(() => collection.getIndexingStatus(), [collection.id, session.changes]);
  return (
    <ScrollingPage label="Index">
      {status.value !== undefined && (
        <section>
          <h3>Indexed on disk</h3>
          <p>
            {percent(status.value.op_indexing_progress)}: {figure(status.value.num_indexed_ops)} of {figure(status.value.total_ops)} writes
            and deletions. The log alone has {figure(status.value.num_unindexed_ops)}; reads see them all the same.
          </p>
        </section>
      )}
      <Recall session={session} collection={collection} />
      <Breadth session={session} collection={collection} />
    </ScrollingPage>
  );
}

function Recall({ session, collection }: IndexProps) {
  const [report, setReport] = useState<RecallReport | null>(null);
  const check = (): Promise<boolean> =>
    session.work("Recall check", async ({ signal }) => {
      const found = await collection.checkRecall({ sample: 100, k: 10, signal });
      setReport(found);
      return found.recall === null ? "There are too few records to compare" : `Recall ${percent(found.recall)}`;
    });
  return (
    <section>
      <h3>Recall</h3>
      <p class="hint">How many of the exact ten nearest a query finds, asked by a hundred of the collection’s own vectors.</p>
      <div class="actions">
        <button type="button" onClick={() => void check()}>
          Check recall
        </button>
      </div>
      {report !== null && report.recall !== null && (
        <dl class="facts-list">
          <dt>Recall</dt>
          <dd>
            {report.recall.toFixed(3)} at {report.efSearch}
          </dd>
          <dt>Smallest breadth for 0.95</dt>
          <dd>{report.efSearchFor["0.95"] ?? "none does"}</dd>
          <dt>Smallest breadth for 0.99</dt>
          <dd>{report.efSearchFor["0.99"] ?? "none does"}</dd>
        </dl>
      )}
    </section>
  );
}

/** What decides how much of the index a query looks at. */
function Breadth({ session, collection }: IndexProps) {
  const [isAsking, setAsking] = useState(false);
  const { hnsw, spann } = collection.configuration;
  const [name, value] = spann === null ? ["ef_search", hnsw.ef_search] : ["search_nprobe", spann.search_nprobe];
  const change = (data: FormData): Promise<boolean> =>
    session.attempt(async () => {
      const breadth = Number(data.get("breadth"));
      await collection.modify({ configuration: spann === null ? { hnsw: { ef_search: breadth } } : { spann: { search_nprobe: breadth } } });
      return `${name} is ${breadth} now`;
    });
  return (
    <section>
      <h3>Breadth of a search</h3>
      <p>
        <code>{name}</code> is {value}: a larger one finds more, and takes longer.
      </p>
      <div class="actions">
        <button type="button" onClick={() => setAsking(true)}>
          Change {name}
        </button>
      </div>
      {isAsking && (
        <FormDialog title={`Change ${name}`} action="Change" onSubmit={change} onClose={() => setAsking(false)}>
          <label class="field">
            {name}
            <input name="breadth" type="number" min={1} required defaultValue={String(value)} />
          </label>
        </FormDialog>
      )}
    </section>
  );
}
