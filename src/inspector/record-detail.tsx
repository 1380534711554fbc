/** One record with all that it has, to be read and changed, or a new one. */
import { useState } from "preact/hooks";
import type { Collection } from "../api/collection.js";
import { useLoaded } from "./hooks.js";
import { JsonField } from "./json-field.js";
import { DeleteRecord } from "./record-deletion.js";
import { draftOf, EMPTY_DRAFT, faultsOf, type RecordDraft, save } from "./record-draft.js";
import type { Readable } from "./record-pages.js";
import { messageOf, type Session } from "./session.js";

/** What stands beside the table: a record by its id, or a new one. */
export type Shown = { id: string } | "new" | null;

interface RecordDetailProps {
  session: Session;
  source: Readable;
  /** `null`: it can only be read. */
  collection: Collection | null;
  shown: { id: string } | "new";
  onShow: (shown: Shown) => void;
}

export function RecordDetail({ session, source, collection, shown, onShow }: RecordDetailProps) {
  const isNew = shown === "new";
  const id = isNew ? null : shown.id;
  const stored = useLoaded(() => (id === null ? Promise.resolve(EMPTY_DRAFT) : draftOf(source, id)), [source, id, session.changes]);
  const title = isNew ? "New record" : shown.id;
  return (
    <aside class="detail" aria-label={isNew ? "New record" : `Record ${id}`}>
      <header>
        <h3>{title}</h3>
        <button type="button" class="icon" aria-label="Close the record" onClick={() => onShow(null)}>
          ✕
        </button>
      </header>
      {stored.error !== undefined && <p class="fault">{messageOf(stored.error)}</p>}
      {stored.value === null && <p class="empty">It is not there any more.</p>}
      {stored.value && <RecordForm {...{ session, collection, onShow, isNew }} stored={stored.value} />}
    </aside>
  );
}

interface RecordFormProps extends Pick<RecordDetailProps, "session" | "collection" | "onShow"> {
  stored: RecordDraft;
  isNew: boolean;
}

/** What somebody is writing, and the record as it was when they began. */
interface Edit {
  draft: RecordDraft;
  base: RecordDraft;
  isTouched: boolean;
}

function RecordForm({ session, collection, onShow, stored, isNew }: RecordFormProps) {
  const [edit, setEdit] = useState<Edit>({ draft: stored, base: stored, isTouched: false });
  // What others have changed shows, but never over what somebody is writing.
  const { draft, base, isTouched } = edit.isTouched || edit.base === stored ? edit : { draft: stored, base: stored, isTouched: false };
  const change = (part: Partial<RecordDraft>): void => setEdit({ draft: { ...draft, ...part }, base, isTouched: true });
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const isDone = await session.attempt(() => save(collection!, isNew ? null : base, draft));
    if (!isDone) return;
    // Who has written on meanwhile goes on from what is stored now.
    setEdit((now) => (now.draft === draft ? { draft, base, isTouched: false } : { ...now, base: draft }));
    if (isNew) onShow({ id: draft.id });
  };
  const faults = faultsOf(draft);
  const hasFaults = Object.values(faults).some((fault) => fault !== undefined);
  return (
    <form onSubmit={(event) => void submit(event)}>
      <RecordFields {...{ draft, change, faults, isNew }} isReadOnly={collection === null} />
      {collection !== null && (
        <div class="actions">
          <button type="submit" class="primary" disabled={hasFaults || !isTouched}>
            {isNew ? "Add" : "Save"}
          </button>
          <button type="button" disabled={!isTouched} onClick={() => setEdit({ draft: stored, base: stored, isTouched: false })}>
            Reset
          </button>
          {!isNew && <DeleteRecord session={session} collection={collection} id={stored.id} onDeleted={() => onShow(null)} />}
        </div>
      )}
    </form>
  );
}

interface RecordFieldsProps {
  draft: RecordDraft;
  change: (part: Partial<RecordDraft>) => void;
  faults: ReturnType<typeof faultsOf>;
  isNew: boolean;
  isReadOnly: boolean;
}

function RecordFields({ draft, change, faults, isNew, isReadOnly }: RecordFieldsProps) {
  return (
    <>
      {isNew && (
        <label class="field">
          ID
          <input value={draft.id} required autocomplete="off" onInput={(event) => change({ id: event.currentTarget.value })} />
        </label>
      )}
      <label class="field">
        Document
        <textarea
          rows={6}
          value={draft.document}
          readOnly={isReadOnly}
          onInput={(event) => change({ document: event.currentTarget.value })}
        />
      </label>
      <JsonField
        label="Metadata"
        rows={5}
        text={draft.metadata}
        isReadOnly={isReadOnly}
        complaint={faults.metadata}
        onText={(metadata) => change({ metadata })}
      />
      <label class="field">
        URI
        <input value={draft.uri} readOnly={isReadOnly} autocomplete="off" onInput={(event) => change({ uri: event.currentTarget.value })} />
      </label>
      <JsonField
        label="Embedding"
        rows={5}
        text={draft.embedding}
        isReadOnly={isReadOnly}
        complaint={faults.embedding}
        hint="Left as it is, a changed document is embedded again."
        onText={(embedding) => change({ embedding })}
      />
    </>
  );
}
