/** The button in the bar, and the dialog behind it: `/` or Ctrl+K opens, arrows choose, Enter goes there, Escape closes. */
import { useRouter, withBase } from "vitepress";
import { defineComponent, h, nextTick, onMounted, onUnmounted, ref } from "vue";
import { findSections, openSections } from "./search.js";

/** What was typed, what it found, which hit is chosen, and what there is to say of it. The last thing typed has its way. */
function useHits() {
  const [query, hits, chosen, note] = [ref(""), ref([]), ref(0), ref("")];
  let asked = 0;
  let pending = Promise.resolve();
  const show = (found, said) => {
    [hits.value, chosen.value, note.value] = [found, 0, said];
  };
  const find = async () => {
    const mine = ++asked;
    if (query.value.trim() === "") return show([], "");
    try {
      const found = await findSections(query.value);
      if (mine === asked) show(found, found.length === 0 ? "Nothing was found." : "");
    } catch (error) {
      if (mine === asked) show([], `The search cannot run here: ${error.message}`);
    }
  };
  const search = () => {
    pending = find();
    return pending;
  };
  // Who types and presses Enter at once means what was typed, not what was found before.
  const first = async () => {
    await pending;
    return hits.value[chosen.value];
  };
  const choose = (step) => {
    chosen.value = Math.max(0, Math.min(hits.value.length - 1, chosen.value + step));
    return nextTick(() => document.getElementById(`hit-${chosen.value}`)?.scrollIntoView({ block: "nearest" }));
  };
  return { query, hits, chosen, note, search, first, choose };
}

/** Opens the dialog, and loads what the search needs with the first opening. */
function useDialog({ query, note, search }) {
  const [dialog, field] = [ref(null), ref(null)];
  const open = async () => {
    dialog.value.showModal();
    field.value.select();
    note.value = "Loading the sections…";
    // What went wrong is told by the search itself, which tries again.
    await openSections().catch(() => {});
    note.value = "";
    if (query.value !== "") await search();
  };
  const onKey = (event) => {
    const isTyping = event.target.closest?.("input, textarea, select, [contenteditable]");
    const isCall = (event.key === "/" && !isTyping) || (event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey));
    if (!isCall || dialog.value.open) return;
    event.preventDefault();
    void open();
  };
  onMounted(() => addEventListener("keydown", onKey));
  onUnmounted(() => removeEventListener("keydown", onKey));
  return { dialog, field, open };
}

const steps = { ArrowDown: 1, ArrowUp: -1 };

function fieldOf({ query, hits, chosen, search, first, choose }, field, go) {
  const onKeydown = (event) => {
    if (event.key in steps) void choose(steps[event.key]);
    else if (event.key === "Enter") void first().then(go);
    else return;
    event.preventDefault();
  };
  const onInput = (event) => {
    query.value = event.target.value;
    void search();
  };
  return h("input", {
    ref: field,
    type: "search",
    placeholder: "Search by Tidepool, in this page",
    "aria-label": "Search for",
    role: "combobox",
    "aria-expanded": hits.value.length > 0,
    "aria-controls": "search-hits",
    "aria-activedescendant": hits.value.length > 0 ? `hit-${chosen.value}` : undefined,
    value: query.value,
    onInput,
    onKeydown,
  });
}

function hitOf(hit, index, chosen, go) {
  const onMousemove = () => {
    chosen.value = index;
  };
  const selected = { id: `hit-${index}`, key: hit.id, role: "option", "aria-selected": index === chosen.value };
  return h("li", { ...selected, onClick: () => go(hit), onMousemove }, [
    h("span", { class: "where" }, hit.page === hit.title ? hit.page : `${hit.page} › ${hit.title}`),
    h(
      "span",
      { class: "what" },
      hit.parts.map(({ text, isHit }) => (isHit ? h("mark", text) : text)),
    ),
  ]);
}

export const SearchBox = defineComponent(() => {
  const router = useRouter();
  const found = useHits();
  const { dialog, field, open } = useDialog(found);
  const close = () => dialog.value.close();
  const go = (hit) => {
    if (!hit) return;
    close();
    void router.go(withBase(hit.url));
  };
  const onClick = (event) => event.target === dialog.value && close();
  const list = () => found.hits.value.map((hit, index) => hitOf(hit, index, found.chosen, go));
  return () => [
    h("button", { class: "search-button", type: "button", "aria-label": "Search", onClick: open }, [h("span", "Search"), h("kbd", "/")]),
    h("dialog", { ref: dialog, class: "search-dialog", "aria-label": "Search", onClick }, [
      fieldOf(found, field, go),
      h("p", { class: "note", role: "status" }, found.note.value),
      h("ul", { id: "search-hits", role: "listbox", "aria-label": "Sections" }, list()),
    ]),
  ];
});
