/** The records of a collection: filter, table, and one of them at its side. */
import { useEffect, useMemo, useReducer, useState } from "preact/hooks";
import type { Collection } from "../api/collection.js";
import type { OrderBy } from "../core/service.js";
import { ColumnChoice, columnsOf } from "./columns.js";
import { FilterEditor, type Filters } from "./filter-editor.js";
import { count } from "./format.js";
import { DeleteMatching } from "./record-deletion.js";
import { RecordDetail, type Shown } from "./record-detail.js";
import { type Readable, RecordPages, type Selection } from "./record-pages.js";
import { RecordsTable } from "./records-table.js";
import { messageOf, type Session } from "./session.js";

export function RecordsView({ session, collection }: { session: Session; collection: Collection }) {
  const { version } = session;
  const source = useMemo<Readable>(() => (version === undefined ? collection : collection.at({ version })), [collection.id, version]);
  const [filters, setFilters] = useState<Filters>({});
  const [orderBy, setOrderBy] = useState<OrderBy | undefined>();
  const [shown, setShown] = useState<Shown>(null);
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set(["uri"]));
  const pages = usePages(source, { ...filters, orderBy }, session.changes);
  const columns = columnsOf(pages.loaded(), collection);
  const isReadOnly = version !== undefined;
  return (
    <div class={shown === null ? "records" : "records with-detail"}>
      <section class="list" aria-label="Records">
        <div class="bar">
          <FilterEditor applied={filters} error={pages.error} onApply={setFilters} />
          <p class="total" role="status">
            {pages.total === null ? "Counting…" : `${count(pages.total, "record")}${isFiltered(filters) ? " match" : ""}`}
          </p>
          <ColumnChoice columns={columns} hidden={hidden} onHidden={setHidden} />
          {!isReadOnly && <DeleteMatching session={session} collection={collection} filters={filters} total={pages.total} />}
          {!isReadOnly && (
            <button type="button" class="primary" onClick={() => setShown("new")}>
              Add record
            </button>
          )}
        </div>
        {pages.error !== null && <p class="fault">{messageOf(pages.error)}</p>}
        <RecordsTable
          pages={pages}
          columns={columns.filter(({ key }) => !hidden.has(key))}
          orderBy={orderBy}
          onOrderBy={setOrderBy}
          chosen={shown === null || shown === "new" ? null : shown.id}
          onChoose={(id) => setShown({ id })}
        />
      </section>
      {shown !== null && (
        <RecordDetail
          key={shown === "new" ? "new" : `id ${shown.id}`}
          session={session}
          source={source}
          collection={isReadOnly ? null : collection}
          shown={shown}
          onShow={setShown}
        />
      )}
    </div>
  );
}

const isFiltered = ({ where, whereDocument }: Filters): boolean => where !== undefined || whereDocument !== undefined;

function usePages(source: Readable, selection: Selection, changes: number): RecordPages {
  const [, render] = useReducer((round: number, _: undefined) => round + 1, 0);
  const wanted = JSON.stringify(selection);
  const pages = useMemo(() => new RecordPages(source, selection, () => render(undefined)), [source, wanted]);
  useEffect(() => () => pages.close(), [pages]);
  useEffect(() => void pages.refresh(), [pages, changes]);
  return pages;
}
