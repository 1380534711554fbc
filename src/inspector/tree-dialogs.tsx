/** What the tree asks before it makes, opens or deletes something. */

import type { CreateCollectionArguments } from "../api/client.js";
import { invalidArgument } from "../core/errors.js";
import { Confirm, FormDialog } from "./dialog.js";
import { parseJson } from "./json-text.js";
import type { Session } from "./session.js";

interface Asking {
  session: Session;
  onClose: () => void;
}

const textOf = (data: FormData, name: string): string => String(data.get(name) ?? "").trim();

export function CreateCollection({ session, onClose }: Asking) {
  const create = (data: FormData): Promise<boolean> =>
    session.attempt(async () => {
      const collection = await session.client.createCollection(creationOf(data));
      session.openCollection(collection);
      return `Created ${collection.name}`;
    });
  return (
    <FormDialog title="New collection" action="Create" onSubmit={create} onClose={onClose}>
      <NameField />
      <label class="field">
        Distance
        <select name="space">
          <option value="l2">l2: squared Euclidean</option>
          <option value="cosine">cosine</option>
          <option value="ip">ip: inner product</option>
        </select>
      </label>
      <label class="field">
        Texts are embedded by
        <select name="embedding">
          <option value="default">the built-in lexical function</option>
          <option value="none">nobody: embeddings are given</option>
        </select>
      </label>
      <label class="field">
        Metadata, as JSON
        <textarea name="metadata" class="code" rows={2} spellcheck={false} placeholder={'{ "language": "en" }'} />
      </label>
    </FormDialog>
  );
}

function creationOf(data: FormData): CreateCollectionArguments {
  const { value, fault } = parseJson(textOf(data, "metadata"));
  if (fault !== null) throw invalidArgument(`metadata must be JSON: ${fault.message}`);
  return {
    name: textOf(data, "name"),
    configuration: { hnsw: { space: textOf(data, "space") as "l2" } },
    metadata: value as CreateCollectionArguments["metadata"],
    ...(textOf(data, "embedding") === "none" && { embeddingFunction: null }),
  };
}

function NameField({ value }: { value?: string }) {
  return (
    <label class="field">
      Name
      <input name="name" required autocomplete="off" spellcheck={false} defaultValue={value} />
    </label>
  );
}

export function CreateDatabase({ session, onClose }: Asking) {
  const { tenant } = session.client;
  const create = (data: FormData): Promise<boolean> =>
    session.attempt(async () => {
      const name = textOf(data, "name");
      await session.admin.createDatabase({ name, tenant });
      session.openDatabase(tenant, name);
      return `Created the database ${name}`;
    });
  return (
    <FormDialog title={`New database of ${tenant}`} action="Create" onSubmit={create} onClose={onClose}>
      <NameField />
    </FormDialog>
  );
}

export function OpenTenant({ session, onClose }: Asking) {
  const open = (data: FormData): Promise<boolean> =>
    session.attempt(async () => {
      const name = textOf(data, "name");
      const isNew = textOf(data, "how") === "create";
      if (isNew) await session.admin.createTenant({ name });
      else await session.admin.getTenant({ name });
      session.addTenant(name);
      return `${isNew ? "Created" : "Opened"} the tenant ${name}`;
    });
  return (
    <FormDialog title="Open or create a tenant" action="Go on" onSubmit={open} onClose={onClose}>
      <NameField />
      <label class="field">
        What to do
        <select name="how">
          <option value="open">Open it: its databases are listed in the tree</option>
          <option value="create">Create it; databases are made for it then</option>
        </select>
      </label>
    </FormDialog>
  );
}

export function DeleteDatabase({ session, onClose }: Asking) {
  const { tenant, database } = session.client;
  const remove = async (): Promise<void> => {
    await session.attempt(async () => {
      await session.admin.deleteDatabase({ name: database, tenant });
      session.openDatabase(session.root.tenant, session.root.database);
      return `Deleted the database ${database}`;
    });
  };
  return (
    <Confirm title="Delete this database?" action="Delete database" onConfirm={remove} onClose={onClose}>
      “{database}” of “{tenant}” is deleted with all its collections. This cannot be undone.
    </Confirm>
  );
}

export function RenameCollection({ session, onClose }: Asking) {
  const collection = session.collection!;
  const rename = (data: FormData): Promise<boolean> =>
    session.attempt(async () => {
      await collection.modify({ name: textOf(data, "name") });
      return `Renamed to ${collection.name}`;
    });
  return (
    <FormDialog title={`Rename ${collection.name}`} action="Rename" onSubmit={rename} onClose={onClose}>
      <NameField value={collection.name} />
    </FormDialog>
  );
}

export function DeleteCollection({ session, onClose }: Asking) {
  const { name } = session.collection!;
  const remove = async (): Promise<void> => {
    await session.attempt(async () => {
      await session.client.deleteCollection({ name });
      session.openCollection(null);
      return `Deleted the collection ${name}`;
    });
  };
  return (
    <Confirm title="Delete this collection?" action="Delete collection" onConfirm={remove} onClose={onClose}>
      “{name}” is deleted with all its records. This cannot be undone.
    </Confirm>
  );
}
