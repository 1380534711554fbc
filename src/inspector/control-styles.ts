/** Buttons, fields, menus and dialogs. */
export const controlStyles = `
button, input, select, textarea { font: inherit; color: inherit; }
button, .menu > summary { border: 1px solid var(--line); background: var(--raised); border-radius: 6px; padding: 0.35rem 0.75rem;
  cursor: pointer; min-block-size: 2rem; }
button:hover:not(:disabled), .menu > summary:hover { border-color: var(--soft); }
button:disabled { opacity: 0.55; cursor: default; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 1px; }
button.primary { background: var(--accent); border-color: var(--accent); color: var(--on-accent); }
button.danger { color: var(--danger); }
button.danger.solid { background: var(--danger); border-color: var(--danger); color: var(--paper); }
button.link { border: 0; background: none; padding: 0; color: var(--accent); text-decoration: underline; text-underline-offset: 3px;
  min-block-size: 0; text-align: start; }
button.toggle[aria-pressed="true"] { background: var(--accent-soft); border-color: var(--accent); color: var(--accent); font-weight: 600; }
button.icon { border: 0; background: none; padding: 0; inline-size: 1.75rem; min-block-size: 1.75rem; flex: none; }

.actions { display: flex; flex-wrap: wrap; gap: 0.5rem; align-items: center; }
.actions.end { justify-content: flex-end; }
.field { display: grid; gap: 0.25rem; font-size: 13px; font-weight: 600; min-inline-size: 0; }
input:not([type="checkbox"], [type="radio"]), select, textarea { inline-size: 100%; border: 1px solid light-dark(#8b999b, #5e6e72);
  border-radius: 6px; padding: 0.4rem 0.6rem; background: var(--raised); font-weight: 400; min-block-size: 2rem; font-size: 14px; }
textarea { resize: vertical; }
textarea.code, .code { font-family: var(--mono); font-size: 12.5px; line-height: 1.5; }
textarea[aria-invalid="true"] { border-color: var(--danger); }
input[type="checkbox"], input[type="radio"] { accent-color: var(--accent); }
::placeholder { color: var(--soft); opacity: 1; }
.hint { color: var(--soft); font-size: 12px; font-weight: 400; overflow-wrap: anywhere; }
.fault { color: var(--danger); font-size: 13px; font-weight: 400; overflow-wrap: anywhere; }
.fault .link { color: inherit; margin-inline-start: 0.5rem; }
.empty { color: var(--soft); padding: 1rem 1.5rem; }

.bar { display: flex; flex-wrap: wrap; gap: 0.5rem; align-items: center; padding: 0.75rem 1.5rem; }
.bar .total { margin-inline-end: auto; color: var(--soft); padding-inline: 0.5rem; font-variant-numeric: tabular-nums; }
.badge { display: inline-block; margin-inline-start: 0.4rem; padding-inline: 0.4rem; border-radius: 99px; font-size: 12px;
  background: var(--accent); color: var(--on-accent); }

.menu { position: relative; }
.menu > summary { list-style: none; user-select: none; }
.menu > summary::-webkit-details-marker { display: none; }
.menu > summary::after { content: " ▾"; color: var(--soft); content: " ▾" / ""; }
.menu-body { position: absolute; z-index: 4; inset-block-start: calc(100% + 4px); inset-inline-end: 0; min-inline-size: 12rem;
  max-block-size: 24rem; overflow: auto; background: var(--raised); border: 1px solid var(--line); border-radius: 8px;
  padding: 0.6rem 0.75rem; box-shadow: 0 8px 28px rgb(0 0 0 / 0.18); display: grid; gap: 0.35rem; }
.menu-body legend { font-size: 12px; color: var(--soft); padding: 0; margin-block-end: 0.25rem; }
.menu-body label:not(.field) { display: flex; gap: 0.4rem; align-items: center; }
.filter .menu-body { inset-inline: 0 auto; inline-size: min(28rem, 80cqi); max-block-size: 32rem; }
.tree .menu .menu-body { inset-inline: auto 0; }
.list-of-actions { gap: 0.15rem; }
.list-of-actions button { border: 0; background: none; text-align: start; padding-inline: 0.25rem; }

dialog { border: 1px solid var(--line); border-radius: 12px; padding: 1.25rem 1.5rem; background: var(--raised); color: var(--ink);
  inline-size: min(28rem, calc(100vw - 2rem)); max-block-size: calc(100dvh - 2rem); box-shadow: 0 20px 60px rgb(0 0 0 / 0.3); }
dialog.wide { inline-size: min(46rem, calc(100vw - 2rem)); }
dialog::backdrop { background: rgb(8 20 22 / 0.45); }
dialog h2 { font-size: 17px; margin-block-end: 0.75rem; }
dialog p { overflow-wrap: anywhere; }
dialog form { display: grid; gap: 0.75rem; }
dialog .actions { margin-block-start: 1rem; }
`;
