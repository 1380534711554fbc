/**
 * A table of as many records as there are, of which only the rows in sight are in the document. Its spacer is as high as all rows
 * together, up to what browsers can lay out; the table sticks to the top of what is seen, and shows the rows that belong there.
 */
import { useEffect, useRef, useState } from "preact/hooks";
import type { OrderBy } from "../core/service.js";
import { type Column, cellOf } from "./columns.js";
import type { RecordPages } from "./record-pages.js";

interface RecordsTableProps {
  pages: RecordPages;
  columns: readonly Column[];
  orderBy: OrderBy | undefined;
  onOrderBy: (orderBy: OrderBy | undefined) => void;
  chosen: string | null;
  onChoose: (id: string) => void;
}

const ROW_PX = 34;
/** Firefox lays out nothing beyond about 17 million. */
const SPACER_PX_MAX = 8_000_000;

export function RecordsTable({ pages, columns, orderBy, onOrderBy, chosen, onChoose }: RecordsTableProps) {
  const scroller = useRef<HTMLDivElement>(null);
  const total = pages.total ?? 0;
  const { first, visible, onScroll } = useWindow(scroller, total);
  const shown = Array.from({ length: Math.max(0, Math.min(visible, total - first)) }, (_, i) => first + i);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard
    <section class="scroller" ref={scroller} onScroll={onScroll} tabIndex={0} aria-label="Table of records, scrolls">
      <div class="spacer" style={{ height: `${spacerOf(total)}px` }}>
        <table class="virtual" aria-rowcount={total + 1}>
          <thead>
            <tr aria-rowindex={1}>
              <th scope="col">ID</th>
              {columns.map((column) => (
                <Heading key={column.key} column={column} orderBy={orderBy} onOrderBy={onOrderBy} />
              ))}
            </tr>
          </thead>
          <tbody onKeyDown={(event) => moveFocus(event, scroller.current!)}>
            {shown.map((index) => (
              <Row key={index} index={index} pages={pages} columns={columns} chosen={chosen} onChoose={onChoose} />
            ))}
          </tbody>
        </table>
        {pages.total === 0 && <p class="empty">No records.</p>}
      </div>
    </section>
  );
}

interface RowProps extends Pick<RecordsTableProps, "pages" | "columns" | "chosen" | "onChoose"> {
  index: number;
}

function Row({ index, pages, columns, chosen, onChoose }: RowProps) {
  const row = pages.row(index);
  return (
    <tr aria-rowindex={index + 2} class={row !== undefined && row.id === chosen ? "chosen" : undefined}>
      <th scope="row">
        {row === undefined ? (
          <span class="pending">…</span>
        ) : (
          <button type="button" class="link" aria-pressed={row.id === chosen} onClick={() => onChoose(row.id)}>
            {row.id}
          </button>
        )}
      </th>
      {columns.map((column) => (
        <td key={column.key}>{row === undefined ? "" : cellOf(row, column)}</td>
      ))}
    </tr>
  );
}

function Heading({ column, orderBy, onOrderBy }: Pick<RecordsTableProps, "orderBy" | "onOrderBy"> & { column: Column }) {
  const { metadataKey, label } = column;
  if (metadataKey === null) return <th scope="col">{label}</th>;
  const isOrdered = orderBy?.key === metadataKey;
  const descending = isOrdered && orderBy.descending === true;
  const next = !isOrdered ? { key: metadataKey } : descending ? undefined : { key: metadataKey, descending: true };
  return (
    <th scope="col" aria-sort={!isOrdered ? "none" : descending ? "descending" : "ascending"}>
      <button type="button" class="heading" onClick={() => onOrderBy(next)}>
        {label}
        <span aria-hidden="true">{!isOrdered ? "" : descending ? " ↓" : " ↑"}</span>
      </button>
    </th>
  );
}

/** With the heading, which is as high as a row. */
const spacerOf = (total: number): number => Math.min(SPACER_PX_MAX, (total + 1) * ROW_PX);

/** Which rows are in sight. */
function useWindow(scroller: { current: HTMLDivElement | null }, total: number) {
  const [top, setTop] = useState(0);
  const [height, setHeight] = useState(600);
  useEffect(() => {
    const watch = new ResizeObserver(([entry]) => setHeight(entry!.contentRect.height));
    watch.observe(scroller.current!);
    return () => watch.disconnect();
  }, []);
  const fitting = Math.max(1, Math.floor(height / ROW_PX) - 1);
  const scrollable = Math.max(1, spacerOf(total) - height);
  // Where all rows have their place, a row's is its own; else its share of the way.
  const isWhole = spacerOf(total) === (total + 1) * ROW_PX;
  const reached = isWhole ? Math.floor(top / ROW_PX) : Math.round((top / scrollable) * Math.max(0, total - fitting));
  const first = Math.max(0, Math.min(reached, total - 1));
  return { first, visible: fitting + 2, onScroll: () => setTop(scroller.current!.scrollTop) };
}

/** Arrow keys go from row to row; at the edge the table scrolls by one. */
function moveFocus(event: KeyboardEvent, scroller: HTMLElement): void {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step === undefined) return;
  const buttons = [...scroller.querySelectorAll<HTMLButtonElement>("tbody th button")];
  const root = scroller.getRootNode() as ShadowRoot;
  const next = buttons[buttons.indexOf(root.activeElement as HTMLButtonElement) + step];
  event.preventDefault();
  if (next !== undefined && isWithin(next, scroller)) next.focus({ preventScroll: true });
  else scroller.scrollBy(0, step * ROW_PX);
}

function isWithin(element: HTMLElement, scroller: HTMLElement): boolean {
  const [inner, outer] = [element.getBoundingClientRect(), scroller.getBoundingClientRect()];
  return inner.bottom <= outer.bottom && inner.top >= outer.top + ROW_PX;
}
