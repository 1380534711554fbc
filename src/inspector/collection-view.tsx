/** A collection: what it is, what can be done with it, and its views as tabs. */
import { useId, useState } from "preact/hooks";
import type { Collection } from "../api/collection.js";
import { ConsoleView } from "./console-view.js";
import { count, percent } from "./format.js";
import { useLoaded } from "./hooks.js";
import { IndexView } from "./index-view.js";
import { RecordsView } from "./records-view.js";
import { SchemaView } from "./schema-view.js";
import type { Session, View } from "./session.js";
import { TransferMenu } from "./transfer-menu.js";
import { DeleteCollection, RenameCollection } from "./tree-dialogs.js";
import { VersionBanner, VersionsView } from "./versions-view.js";

const VIEWS: readonly { view: View; label: string }[] = [
  { view: "records", label: "Records" },
  { view: "query", label: "Query" },
  { view: "versions", label: "Versions and forks" },
  { view: "index", label: "Index" },
  { view: "schema", label: "Schema" },
];

interface CollectionProps {
  session: Session;
  collection: Collection;
}

export function CollectionView({ session, collection }: CollectionProps) {
  const id = useId();
  return (
    <div class="collection-view">
      <CollectionHeader session={session} collection={collection} />
      <VersionBanner session={session} />
      <Tabs session={session} panel={id} />
      <div class="panel" id={id} role="tabpanel" aria-label={VIEWS.find(({ view }) => view === session.view)?.label}>
        {session.view === "records" && <RecordsView key={String(session.version)} session={session} collection={collection} />}
        {session.view === "query" && <ConsoleView key={String(session.version)} session={session} collection={collection} />}
        {session.view === "versions" && <VersionsView session={session} collection={collection} />}
        {session.view === "index" && <IndexView session={session} collection={collection} />}
        {session.view === "schema" && <SchemaView collection={collection} />}
      </div>
    </div>
  );
}

function CollectionHeader({ session, collection }: CollectionProps) {
  const [asked, setAsked] = useState<"rename" | "delete" | null>(null);
  const close = (): void => setAsked(null);
  const inputs = [collection.id, session.changes];
  const records = useLoaded(() => collection.count(), inputs);
  const indexing = useLoaded(() => collection.getIndexingStatus(), inputs);
  const { dimension, configuration } = collection;
  const facts = [
    records.value === undefined ? null : count(records.value, "record"),
    dimension === undefined ? "no dimension yet" : `${dimension} dimensions`,
    configuration.hnsw.space,
    configuration.spann === null ? "graph index" : "inverted lists",
    indexing.value === undefined ? null : `${percent(indexing.value.op_indexing_progress)} indexed on disk`,
  ];
  return (
    <header class="title">
      <div>
        <h2>{collection.name}</h2>
        <p class="facts">
          {facts
            .filter((fact) => fact != null)
            .map((fact) => (
              <span key={fact}>{fact}</span>
            ))}
        </p>
      </div>
      <div class="actions">
        <TransferMenu session={session} collection={collection} />
        <button type="button" onClick={() => setAsked("rename")}>
          Rename
        </button>
        <button type="button" class="danger" onClick={() => setAsked("delete")}>
          Delete collection
        </button>
      </div>
      {asked === "rename" && <RenameCollection session={session} onClose={close} />}
      {asked === "delete" && <DeleteCollection session={session} onClose={close} />}
    </header>
  );
}

/** Arrow keys choose the neighbour, as in other lists of tabs. */
function Tabs({ session, panel }: { session: Session; panel: string }) {
  const move = (event: KeyboardEvent): void => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step === undefined) return;
    const at = VIEWS.findIndex(({ view }) => view === session.view);
    const next = (at + step + VIEWS.length) % VIEWS.length;
    session.openView(VIEWS[next]!.view);
    (event.currentTarget as HTMLElement).querySelectorAll("button")[next]!.focus();
  };
  return (
    <div class="tabs" role="tablist" aria-label="Views" onKeyDown={move}>
      {VIEWS.map(({ view, label }) => (
        <button
          key={view}
          type="button"
          role="tab"
          aria-selected={session.view === view}
          aria-controls={panel}
          tabIndex={session.view === view ? 0 : -1}
          onClick={() => session.openView(view)}
        >
          {label}
        </button>
      ))}
    </div>
  );
}
