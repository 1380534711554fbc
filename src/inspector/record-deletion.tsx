/** Deleting records, after a question: one, or all that the filters select. */
import { useState } from "preact/hooks";
import type { Collection } from "../api/collection.js";
import { Confirm } from "./dialog.js";
import type { Filters } from "./filter-editor.js";
import { count } from "./format.js";
import type { Session } from "./session.js";

interface DeleteMatchingProps {
  session: Session;
  collection: Collection;
  filters: Filters;
  total: number | null;
}

/** There while a filter is applied: without one it would be the collection that goes. */
export function DeleteMatching({ session, collection, filters, total }: DeleteMatchingProps) {
  const [isAsking, setAsking] = useState(false);
  if ((filters.where ?? filters.whereDocument) === undefined || !total) return null;
  const remove = async (): Promise<string> => {
    const { deleted } = await collection.delete(filters);
    return `Deleted ${count(deleted, "record")}`;
  };
  return (
    <>
      <button type="button" class="danger" onClick={() => setAsking(true)}>
        Delete matching
      </button>
      {isAsking && (
        <Confirm
          title="Delete the matching records?"
          action={`Delete ${count(total, "record")}`}
          onConfirm={() => session.attempt(remove)}
          onClose={() => setAsking(false)}
        >
          All records of “{collection.name}” that match the filter are deleted. This cannot be undone.
        </Confirm>
      )}
    </>
  );
}

interface DeleteRecordProps {
  session: Session;
  collection: Collection;
  id: string;
  onDeleted: () => void;
}

export function DeleteRecord({ session, collection, id, onDeleted }: DeleteRecordProps) {
  const [isAsking, setAsking] = useState(false);
  const remove = async (): Promise<void> => {
    const isDone = await session.attempt(async () => {
      await collection.delete({ ids: [id] });
      return `Deleted ${id}`;
    });
    if (isDone) onDeleted();
  };
  return (
    <>
      <button type="button" class="danger" onClick={() => setAsking(true)}>
        Delete
      </button>
      {isAsking && (
        <Confirm title="Delete this record?" action="Delete record" onConfirm={remove} onClose={() => setAsking(false)}>
          The record “{id}” is deleted. This cannot be undone.
        </Confirm>
      )}
    </>
  );
}
