/** The editor of `where` and `whereDocument`: JSON, applied when it is asked for, with what is wrong at its place. */
import { useState } from "preact/hooks";
import { TidepoolError } from "../core/errors.js";
import type { Where, WhereDocument } from "../core/types.js";
import { JsonField } from "./json-field.js";
import { isObject, parseJson, written } from "./json-text.js";
import { Menu } from "./menu.js";

export interface Filters {
  where?: Where;
  whereDocument?: WhereDocument;
}

interface FilterEditorProps {
  applied: Filters;
  /** What the engine has said of the filters that are applied. */
  error: unknown;
  onApply: (filters: Filters) => void;
}

export function FilterEditor({ applied, error, onApply }: FilterEditorProps) {
  const [where, setWhere] = useState(written(applied.where));
  const [whereDocument, setWhereDocument] = useState(written(applied.whereDocument));
  const read = filtersOf(where, whereDocument);
  const apply = (event: SubmitEvent): void => {
    event.preventDefault();
    if (read !== null) onApply(read);
  };
  const clear = (): void => {
    setWhere("");
    setWhereDocument("");
    onApply({});
  };
  const active = Object.values(applied).filter((filter) => filter !== undefined).length;
  return (
    <Menu kind="filter" label={<FilterLabel active={active} />}>
      <form class="menu-body" onSubmit={apply}>
        <FilterFields where={where} whereDocument={whereDocument} error={error} onWhere={setWhere} onWhereDocument={setWhereDocument} />
        <div class="actions end">
          <button type="button" onClick={clear}>
            Clear
          </button>
          <button type="submit" class="primary" disabled={read === null}>
            Apply
          </button>
        </div>
      </form>
    </Menu>
  );
}

function FilterLabel({ active }: { active: number }) {
  return <>Filter{active > 0 && <span class="badge">{active}</span>}</>;
}

interface FilterFieldsProps {
  where: string;
  whereDocument: string;
  error: unknown;
  onWhere: (text: string) => void;
  onWhereDocument: (text: string) => void;
}

export function FilterFields({ where, whereDocument, error, onWhere, onWhereDocument }: FilterFieldsProps) {
  return (
    <>
      <JsonField
        label="where"
        text={where}
        onText={onWhere}
        placeholder={'{ "year": { "$gte": 2020 } }'}
        complaint={notAnObject(where) ?? complaintOf(error, "where")}
        hint="Metadata: $eq $ne $gt $gte $lt $lte $in $nin $contains $and $or"
      />
      <JsonField
        label="whereDocument"
        text={whereDocument}
        onText={onWhereDocument}
        placeholder={'{ "$contains": "tide" }'}
        complaint={notAnObject(whereDocument) ?? complaintOf(error, "whereDocument")}
        hint="Documents: $contains $not_contains $regex $not_regex $and $or"
      />
    </>
  );
}

/** What the two texts say; `null` where one of them is no filter. */
export function filtersOf(where: string, whereDocument: string): Filters | null {
  const [first, second] = [parseJson(where), parseJson(whereDocument)];
  if (first.fault !== null || second.fault !== null) return null;
  if (notAnObject(where) !== undefined || notAnObject(whereDocument) !== undefined) return null;
  return { where: first.value as Where | undefined, whereDocument: second.value as WhereDocument | undefined };
}

function notAnObject(text: string): string | undefined {
  const { value, fault } = parseJson(text);
  return fault !== null || value === undefined || isObject(value) ? undefined : "A filter is an object";
}

/** The engine's message, for the field that it is about: it names its argument. */
function complaintOf(error: unknown, field: "where" | "whereDocument"): string | undefined {
  if (!(error instanceof TidepoolError) || !["INVALID_ARGUMENT", "LIMIT_EXCEEDED"].includes(error.code)) return undefined;
  const isOfDocuments = /whereDocument|where_document/.test(error.message);
  return isOfDocuments === (field === "whereDocument") ? error.message : undefined;
}
