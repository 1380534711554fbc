/** The query console: a form, the call that it stands for in other words, and what it found. */
import { useState } from "preact/hooks";
import type { Collection } from "../api/collection.js";
import { CallPreview } from "./call-preview.js";
import { type ConsoleCall, type ConsoleForm, callOf, FIRST_FORM, vectorFault } from "./console-calls.js";
import { ConsoleResults } from "./console-results.js";
import { type Outcome, run } from "./console-run.js";
import { FilterFields } from "./filter-editor.js";
import { JsonField } from "./json-field.js";
import { isObject, parseJson } from "./json-text.js";
import { ScrollingPage } from "./menu.js";
import { messageOf, type Session } from "./session.js";

const KINDS = [
  { kind: "hybrid", label: "Hybrid" },
  { kind: "vector", label: "Vector" },
  { kind: "text", label: "Text" },
  { kind: "search", label: "Search API" },
] as const;

interface Asked {
  outcome: Outcome | null;
  error: unknown;
  isBusy: boolean;
}

export function ConsoleView({ session, collection }: { session: Session; collection: Collection }) {
  const [form, setForm] = useState(FIRST_FORM);
  const [asked, setAsked] = useState<Asked>({ outcome: null, error: undefined, isBusy: false });
  const { version } = session;
  const call = callOf(form);
  const ask = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    if (call === null) return;
    setAsked((before) => ({ ...before, isBusy: true }));
    const source = version === undefined ? collection : collection.at({ version });
    const answer = run(session.client, collection, source, call);
    setAsked(await settled(answer));
  };
  return (
    <ScrollingPage label="Query">
      <form class="console" onSubmit={(event) => void ask(event)}>
        <KindChoice form={form} onForm={setForm} />
        <QueryFields form={form} onForm={setForm} error={asked.error} />
        <div class="actions">
          <button type="submit" class="primary" disabled={call === null || asked.isBusy}>
            {asked.isBusy ? "Running…" : "Run"}
          </button>
          {asked.error !== undefined && (
            <p class="fault" role="alert">
              {messageOf(asked.error)}
            </p>
          )}
        </div>
      </form>
      {call !== null && <Preview call={call} collection={collection} version={version} outcome={asked.outcome} />}
      {asked.outcome !== null && <ConsoleResults outcome={asked.outcome} />}
    </ScrollingPage>
  );
}

function Preview({
  call,
  collection,
  version,
  outcome,
}: {
  call: ConsoleCall;
  collection: Collection;
  version: number | undefined;
  outcome: Outcome | null;
}) {
  return <CallPreview call={call} collection={collection} version={version} embedding={outcome?.embedding ?? null} />;
}

async function settled(answer: Promise<Outcome>): Promise<Asked> {
  try {
    return { outcome: await answer, error: undefined, isBusy: false };
  } catch (error) {
    return { outcome: null, error, isBusy: false };
  }
}

interface FormProps {
  form: ConsoleForm;
  onForm: (form: ConsoleForm) => void;
}

function KindChoice({ form, onForm }: FormProps) {
  return (
    <fieldset class="kinds">
      <legend class="visually-hidden">How records are looked for</legend>
      {KINDS.map(({ kind, label }) => (
        <label key={kind}>
          <input type="radio" name="kind" checked={form.kind === kind} onChange={() => onForm({ ...form, kind })} />
          <span>{label}</span>
        </label>
      ))}
    </fieldset>
  );
}

function QueryFields({ form, onForm, error }: FormProps & { error: unknown }) {
  const change = (part: Partial<ConsoleForm>): void => onForm({ ...form, ...part });
  if (form.kind === "search") return <SearchField form={form} onForm={onForm} />;
  return (
    <>
      <div class="query-line">
        <label class="field">
          {form.kind === "vector" ? "Text to embed" : "Query"}
          <input type="search" value={form.query} autocomplete="off" onInput={(event) => change({ query: event.currentTarget.value })} />
        </label>
        <label class="field count">
          Hits
          <input
            type="number"
            min={1}
            max={1000}
            value={form.nResults}
            onInput={(event) => change({ nResults: Math.max(1, event.currentTarget.valueAsNumber || 1) })}
          />
        </label>
      </div>
      <Options form={form} onForm={onForm} />
      <details class="more">
        <summary>{form.kind === "text" ? "Filters" : "Embedding and filters"}</summary>
        {form.kind !== "text" && (
          <JsonField
            label="Embedding, in place of the text's"
            text={form.embedding}
            complaint={vectorFault(form.embedding)}
            placeholder="[0.1, 0.2, 0.3]"
            onText={(embedding) => change({ embedding })}
          />
        )}
        <FilterFields
          where={form.where}
          whereDocument={form.whereDocument}
          error={error}
          onWhere={(where) => change({ where })}
          onWhereDocument={(whereDocument) => change({ whereDocument })}
        />
      </details>
    </>
  );
}

function Options({ form, onForm }: FormProps) {
  const shown = { vector: ["exact"], text: ["prefix", "fuzzy"], hybrid: [], search: [] }[form.kind] as ("exact" | "prefix" | "fuzzy")[];
  const labels = {
    exact: "Exact: every vector is looked at",
    prefix: "The last word may be unfinished",
    fuzzy: "Spelling mistakes are forgiven",
  };
  if (shown.length === 0) return null;
  return (
    <div class="actions">
      {shown.map((option) => (
        <label key={option} class="option">
          <input type="checkbox" checked={form[option]} onChange={() => onForm({ ...form, [option]: !form[option] })} /> {labels[option]}
        </label>
      ))}
    </div>
  );
}

function SearchField({ form, onForm }: FormProps) {
  const { value } = parseJson(form.search);
  return (
    <JsonField
      label="Search, as JSON"
      rows={8}
      text={form.search}
      complaint={value === undefined || isObject(value) ? undefined : "A search is an object"}
      hint="where, rank ($knn, $text, $sum, $mul, …), groupBy, limit, select"
      onText={(search) => onForm({ ...form, search })}
    />
  );
}
