/** Tables of records. Rows are as high as \`ROW_PX\` of the table says, whatever stands in them. */
export const tableStyles = `
.scroller { flex: 1; min-block-size: 0; overflow: auto; border-block-start: 1px solid var(--line); overflow-anchor: none;
  min-block-size: 8rem; }
.scroller:focus-visible { outline-offset: -2px; }
.spacer { position: relative; min-inline-size: 100%; inline-size: max-content; }
table { border-collapse: separate; border-spacing: 0; min-inline-size: 100%; }
table.virtual { position: sticky; inset-block-start: 0; }
th, td { text-align: start; padding: 0 0.75rem; border-block-end: 1px solid var(--line); vertical-align: middle; }
.virtual tr { block-size: 34px; }
.virtual th, .virtual td { block-size: 34px; max-inline-size: 16rem; overflow: hidden; white-space: nowrap; text-overflow: ellipsis; }
.virtual td:nth-child(2) { max-inline-size: 34rem; min-inline-size: 14rem; }
.virtual td:empty::after { content: ""; }
th:first-child, td:first-child { padding-inline-start: 1.5rem; }
tbody th { font-weight: 400; font-family: var(--mono); font-size: 12.5px; }
tbody td { font-variant-numeric: tabular-nums; }
tbody th .link { max-inline-size: 100%; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; display: block; line-height: 30px;
  text-decoration: none; }
tbody th .link:hover { text-decoration: underline; }
thead th { position: sticky; inset-block-start: 0; background: var(--paper); z-index: 1; font-size: 12.5px; color: var(--soft); }
thead th button.heading { border: 0; background: none; padding: 0; min-block-size: 0; font-weight: 600; color: inherit; inline-size: 100%;
  text-align: start; line-height: 30px; }
tr.chosen > * { background: var(--accent-soft); }
tbody tr:hover > * { background: var(--side); }
tbody tr.chosen:hover > * { background: var(--accent-soft); }
.results th, .results td, table.plain th, table.plain td { padding: 0.4rem 0.75rem; vertical-align: top; }
.results tbody th { white-space: nowrap; }
.results td.long { min-inline-size: 18rem; overflow-wrap: anywhere; }
.results td:has(.reason) { min-inline-size: 10rem; }
.results td.code { font-family: var(--mono); font-size: 12px; min-inline-size: 12rem; overflow-wrap: anywhere; }
.results tbody tr:last-child > * { border: 0; }
.number { text-align: end; font-variant-numeric: tabular-nums; white-space: nowrap; }
.reason { display: inline-block; margin: 0 0.25rem 0.2rem 0; padding-inline: 0.4rem; border-radius: 4px; background: var(--accent-soft);
  color: var(--accent); font-size: 12px; }
table.plain { inline-size: auto; justify-self: start; min-inline-size: min(100%, 36rem); }
table.plain th:first-child { padding-inline-start: 0; }
table.plain td button { white-space: nowrap; }
.pending { color: var(--soft); }
.spacer .empty { position: absolute; inset-block-start: 40px; }
@container inspector (max-width: 52rem) {
  table.plain :is(th, td) { padding-inline-end: 0.4rem; }
}
`;
