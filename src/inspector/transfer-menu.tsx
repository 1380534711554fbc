/** What can be taken out of a collection, or into it, as files. */
import { useRef, useState } from "preact/hooks";
import type { Collection } from "../api/collection.js";
import { FormDialog } from "./dialog.js";
import { Menu } from "./menu.js";
import type { Session } from "./session.js";
import { copyRecords, exportRecords, FORMATS, type Format, importFile } from "./transfers.js";

export function TransferMenu({ session, collection }: { session: Session; collection: Collection }) {
  const [isCopying, setCopying] = useState(false);
  const picker = useRef<HTMLInputElement>(null);
  const { version } = session;
  const source = version === undefined ? collection : collection.at({ version });
  const copy = (data: FormData): Promise<boolean> => copyRecords(session, collection, source, String(data.get("name")).trim());
  const chosen = (): void => {
    const [file] = picker.current!.files ?? [];
    if (file !== undefined) void importFile(session, collection, file);
    picker.current!.value = "";
  };
  return (
    <>
      <Menu label="Export, import, copy">
        <div class="menu-body list-of-actions">
          {Object.entries(FORMATS).map(([format, label]) => (
            <button key={format} type="button" onClick={() => void exportRecords(session, collection.name, source, format as Format)}>
              Export as {label}
            </button>
          ))}
          {version === undefined && (
            <button type="button" onClick={() => picker.current!.click()}>
              Import a file
            </button>
          )}
          <button type="button" onClick={() => setCopying(true)}>
            Copy to a new collection
          </button>
        </div>
      </Menu>
      <input ref={picker} type="file" hidden aria-label="File to import" onChange={chosen} />
      {isCopying && (
        <FormDialog title={`Copy ${collection.name}`} action="Copy" onSubmit={copy} onClose={() => setCopying(false)}>
          <label class="field">
            Name of the copy
            <input name="name" required autocomplete="off" spellcheck={false} />
          </label>
        </FormDialog>
      )}
    </>
  );
}
