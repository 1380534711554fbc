/** Colours, type, and where the parts stand: side by side where the element is wide, one below the other where it is not. */
export const layoutStyles = `
:host {
  --paper: light-dark(#ffffff, #14191b);
  --side: light-dark(#f4f7f6, #101416);
  --raised: light-dark(#ffffff, #1c2326);
  --line: light-dark(#d9e0de, #2d373a);
  --ink: light-dark(#172022, #e4ecec);
  --soft: light-dark(#55636a, #9fb0b3);
  --accent: light-dark(#0a666d, #63cbd1);
  --accent-soft: light-dark(#e0f0f0, #16363a);
  --on-accent: light-dark(#ffffff, #06282b);
  --danger: light-dark(#b3261e, #ff9c92);
  --danger-soft: light-dark(#fcebe9, #3a1d1b);
  --mono: ui-monospace, "SF Mono", "Cascadia Code", Menlo, Consolas, monospace;
  display: block;
  block-size: 100dvh;
  min-block-size: 24rem;
  container: inspector / inline-size;
  color: var(--ink);
  background: var(--paper);
  font: 14px/1.45 system-ui, sans-serif;
  text-align: start;
}
:host([hidden]) { display: none; }
*, ::before, ::after { box-sizing: border-box; }
h1, h2, h3, p, ul, dl, dd, pre, fieldset { margin: 0; padding: 0; border: 0; min-inline-size: 0; }
ul { list-style: none; }
h1 { font-size: 15px; letter-spacing: -0.01em; }
h2 { font-size: 20px; line-height: 1.25; letter-spacing: -0.015em; overflow-wrap: anywhere; }
h3 { font-size: 14px; overflow-wrap: anywhere; }
small { font-size: 12px; color: var(--soft); font-variant-numeric: tabular-nums; }

.app { display: grid; grid-template: minmax(0, 1fr) / 17rem minmax(0, 1fr); block-size: 100%; position: relative; }
main { min-block-size: 0; min-inline-size: 0; overflow: hidden; display: flex; flex-direction: column; }

.tree { background: var(--side); border-inline-end: 1px solid var(--line); padding: 1rem 0.75rem; overflow: auto; display: flex;
  flex-direction: column; gap: 1rem; }
.tree header { display: grid; gap: 0.5rem; justify-items: start; padding-inline: 0.25rem; }
.tree header .link[aria-current="true"] { font-weight: 600; text-decoration: none; }
.tree .branches > summary { display: none; }
.tree .branches > ul { margin-block-end: 1rem; display: grid; gap: 0.75rem; }
.tree .tenant { font-size: 12px; color: var(--soft); padding-inline: 0.25rem; overflow-wrap: anywhere; }
.tree .database, .tree .collection { inline-size: 100%; text-align: start; border: 0; background: none; padding: 0.35rem 0.5rem;
  border-radius: 6px; overflow-wrap: anywhere; }
.tree .database:hover, .tree .collection:hover { background: light-dark(#e8eeec, #1b2225); }
.tree .collection { display: flex; justify-content: space-between; align-items: baseline; gap: 0.5rem; padding-inline-start: 1.5rem; }
.tree .collection small { white-space: nowrap; }
.tree .collection[aria-current="true"] { background: var(--accent-soft); color: var(--accent); font-weight: 600; }
.tree .collection[aria-current="true"] small { color: inherit; }
.tree .empty { padding: 0.25rem 1.5rem; }

.title { display: flex; flex-wrap: wrap; justify-content: space-between; gap: 0.75rem 1.5rem; padding: 1.25rem 1.5rem 0.75rem; }
.facts { color: var(--soft); margin-block-start: 0.25rem; font-variant-numeric: tabular-nums; display: flex; flex-wrap: wrap; }
.facts span:not(:last-child)::after { content: "·"; content: "·" / ""; margin-inline: 0.5ch; }
.tabs { display: flex; gap: 0.25rem; padding-inline: 1.25rem; border-block-end: 1px solid var(--line); overflow-x: auto; flex: none; }
.tabs button { border: 0; background: none; padding: 0.5rem 0.75rem; border-block-end: 2px solid transparent; border-radius: 0;
  color: var(--soft); white-space: nowrap; }
.tabs button[aria-selected="true"] { color: var(--accent); border-color: var(--accent); font-weight: 600; }
.collection-view, .panel { display: flex; flex-direction: column; min-block-size: 0; flex: 1; }
.page { padding: 1.25rem 1.5rem 2rem; overflow: auto; display: grid; gap: 1.5rem; align-content: start; flex: 1; }
.page section { display: grid; gap: 0.5rem; min-inline-size: 0; }
.page pre { background: var(--side); border: 1px solid var(--line); border-radius: 8px; padding: 0.75rem 1rem; overflow: auto;
  max-block-size: 26rem; font: 12.5px/1.5 var(--mono); }

.banner { display: flex; flex-wrap: wrap; gap: 0.5rem 1rem; align-items: center; padding: 0.5rem 1.5rem; background: var(--accent-soft); }
.console, .console .more[open] { display: grid; gap: 0.75rem; }
.console .more > summary { cursor: pointer; color: var(--accent); justify-self: start; }
.kinds { display: flex; flex-wrap: wrap; gap: 0.25rem 1rem; }
.kinds label, .option { display: flex; gap: 0.35rem; align-items: center; }
.query-line { display: grid; grid-template-columns: minmax(0, 1fr) 6rem; gap: 0.75rem; }
.preview pre { max-block-size: 16rem; white-space: pre-wrap; overflow-wrap: anywhere; }
.times { color: var(--soft); font-variant-numeric: tabular-nums; }
.times strong { color: var(--ink); }
.results { overflow-x: auto; border: 1px solid var(--line); border-radius: 8px; }
.visually-hidden { position: absolute; inline-size: 1px; block-size: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }

.records { display: grid; grid-template: minmax(0, 1fr) / minmax(0, 1fr); flex: 1; min-block-size: 0; }
.records.with-detail { grid-template-columns: minmax(0, 1fr) minmax(20rem, 26rem); }
.records .list { display: flex; flex-direction: column; min-block-size: 0; }
.detail { border-inline-start: 1px solid var(--line); background: var(--side); padding: 1rem 1.25rem 1.5rem; overflow: auto; }
.detail header { display: flex; justify-content: space-between; align-items: start; gap: 0.5rem; margin-block-end: 0.75rem; }
.detail form { display: grid; gap: 0.75rem; }

.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(11rem, 1fr)); gap: 0.75rem; }
.cards > div { border: 1px solid var(--line); border-radius: 8px; padding: 0.6rem 0.8rem; }
dt { font-size: 12px; color: var(--soft); }
.cards dd { font-weight: 600; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
.facts-list { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: 0.35rem 1.25rem; }
.facts-list dd { overflow-wrap: anywhere; font: 13px/1.5 var(--mono); }

.arenas { display: grid; gap: 0.5rem; max-block-size: 24rem; overflow: auto; }
.arenas li { display: grid; grid-template-columns: 8rem minmax(0, 1fr) 17rem; gap: 0.75rem; align-items: center;
  font-variant-numeric: tabular-nums; }
.map { display: flex; block-size: 1.25rem; border: 1px solid var(--line); border-radius: 4px; overflow: hidden; }
.map i { flex: 1; background: var(--accent); }
.arena-use { font-size: 12.5px; color: var(--soft); }
.findings { display: grid; gap: 0.25rem; }
.task { display: flex; gap: 0.75rem; align-items: end; justify-content: space-between; padding: 0.75rem; border: 1px solid var(--line);
  border-radius: 8px; background: var(--raised); box-shadow: 0 6px 24px rgb(0 0 0 / 0.2); margin-block-end: 0.5rem; inline-size: 22rem;
  max-inline-size: 100%; }
.task > div { flex: 1; min-inline-size: 0; overflow-wrap: anywhere; }
.task progress { display: block; inline-size: 100%; accent-color: var(--accent); }
.option select { inline-size: auto; }

.notices { position: absolute; inset: auto 1rem 1rem auto; max-inline-size: min(32rem, calc(100% - 2rem)); z-index: 3; }
.notice { display: flex; gap: 0.75rem; align-items: center; justify-content: space-between; padding: 0.6rem 0.6rem 0.6rem 0.9rem;
  border-radius: 8px; background: var(--ink); color: var(--paper); box-shadow: 0 6px 24px rgb(0 0 0 / 0.25); overflow-wrap: anywhere; }
.notice .icon { color: inherit; }
.notice.failed { background: var(--danger); color: var(--paper); }

@container inspector (max-width: 52rem) {
  .app { grid-template: auto minmax(0, 1fr) / minmax(0, 1fr); }
  .tree { border-inline-end: 0; border-block-end: 1px solid var(--line); max-block-size: 60dvh; padding: 0.75rem;
    gap: 0.25rem; }
  .tree header { grid-template-columns: 1fr auto; align-items: baseline; }
  .tree .branches > summary { display: block; padding: 0.25rem; cursor: pointer; overflow-wrap: anywhere; }
  .tree .branches[open] > summary { margin-block-end: 0.5rem; }
  .tree header > * { white-space: nowrap; }
  .tree header .link[aria-current="true"] { font-weight: inherit; }
  .cards { grid-template-columns: repeat(auto-fill, minmax(9rem, 1fr)); }
  .arenas li { grid-template-columns: minmax(0, 1fr); gap: 0.15rem; }
  .title { padding: 0.75rem 1rem 0.5rem; }
  .tabs { padding-inline: 0.5rem; }
  .page { padding: 1rem; }
  .records { position: relative; }
  .records.with-detail { grid-template-columns: minmax(0, 1fr); }
  .records .detail { position: absolute; inset: 0; border: 0; z-index: 2; }
}
`;
