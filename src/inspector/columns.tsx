/** Which columns a table of records has, and the choice of those that are shown. */
import type { Collection } from "../api/collection.js";
import type { GetRow } from "../api/results.js";
import type { MetadataValue } from "../core/types.js";
import { Menu } from "./menu.js";

export interface Column {
  /** Unique: a metadata key's begins with `#`. */
  key: string;
  label: string;
  /** The metadata key that it shows. */
  metadataKey: string | null;
}

const DOCUMENT: Column = { key: "document", label: "Document", metadataKey: null };
const URI: Column = { key: "uri", label: "URI", metadataKey: null };

/** Those of the records that are there, and of the keys that the schema names. */
export function columnsOf(rows: readonly GetRow[], collection: Collection): Column[] {
  const keys = new Set(Object.keys(collection.schema.keys).filter((key) => !key.startsWith("#")));
  for (const { metadata } of rows) for (const key of Object.keys(metadata ?? {})) keys.add(key);
  return [DOCUMENT, ...[...keys].sort().map((key) => ({ key: `#${key}`, label: key, metadataKey: key })), URI];
}

/** What stands in a cell. */
export function cellOf(row: GetRow, { key, metadataKey }: Column): string {
  if (metadataKey !== null) return shown(row.metadata?.[metadataKey]);
  return shown(key === "uri" ? row.uri : row.document);
}

/** A cell shows one line: more of a long text would only be cut off. */
const CELL_CHARACTERS = 300;

function shown(value: MetadataValue | null | undefined): string {
  if (value == null) return "";
  return typeof value === "string" ? value.slice(0, CELL_CHARACTERS) : JSON.stringify(value).slice(0, CELL_CHARACTERS);
}

interface ColumnChoiceProps {
  columns: readonly Column[];
  hidden: ReadonlySet<string>;
  onHidden: (hidden: ReadonlySet<string>) => void;
}

export function ColumnChoice({ columns, hidden, onHidden }: ColumnChoiceProps) {
  const toggle = (key: string): void => {
    const next = new Set(hidden);
    if (!next.delete(key)) next.add(key);
    onHidden(next);
  };
  return (
    <Menu label="Columns">
      <fieldset class="menu-body">
        <legend>Shown columns</legend>
        {columns.map(({ key, label }) => (
          <label key={key}>
            <input type="checkbox" checked={!hidden.has(key)} onChange={() => toggle(key)} /> {label}
          </label>
        ))}
      </fieldset>
    </Menu>
  );
}
