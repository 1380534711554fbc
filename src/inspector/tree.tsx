/** The tree: tenants, their databases, and the collections of the one that is open. */
import { useEffect, useRef, useState } from "preact/hooks";
import type { Collection } from "../api/collection.js";
import { figure } from "./format.js";
import { useLoaded } from "./hooks.js";
import { Menu } from "./menu.js";
import { messageOf, type Session } from "./session.js";
import { CreateCollection, CreateDatabase, DeleteDatabase, OpenTenant } from "./tree-dialogs.js";

/** Collections beyond that many are shown without their counts, for which each must be opened. */
const COUNTED_MAX = 50;
const LISTED_MAX = 1000;

/** A collection, and its records as far as they are counted. */
interface Listed {
  collection: Collection;
  records: number | null;
}

export function Tree({ session }: { session: Session }) {
  const [asked, setAsked] = useState<"tenant" | "database" | "collection" | "delete database" | null>(null);
  const close = (): void => setAsked(null);
  const branches = useRef<HTMLDetailsElement>(null);
  useEffect(() => {
    if (session.collection !== null) foldIfNarrow(branches.current!);
  }, [session.collection?.id]);
  return (
    <nav class="tree" aria-label="Databases">
      <header>
        <h1>Tidepool inspector</h1>
        <button type="button" class="link" aria-current={session.collection === null} onClick={() => session.openCollection(null)}>
          Storage and maintenance
        </button>
      </header>
      <details class="branches" ref={branches} open>
        <summary>
          {session.client.tenant} / {session.client.database}
          {session.collection !== null && ` / ${session.collection.name}`}
        </summary>
        <ul>
          {session.tenants.map((tenant) => (
            <TenantBranch key={tenant} session={session} tenant={tenant} />
          ))}
        </ul>
        <div class="actions">
          <button type="button" onClick={() => setAsked("collection")}>
            New collection
          </button>
          <Menu label="More">
            <div class="menu-body list-of-actions">
              <button type="button" onClick={() => setAsked("database")}>
                New database
              </button>
              <button type="button" class="danger" onClick={() => setAsked("delete database")}>
                Delete this database
              </button>
              <button type="button" onClick={() => setAsked("tenant")}>
                Open or create a tenant
              </button>
            </div>
          </Menu>
        </div>
      </details>
      {asked === "collection" && <CreateCollection session={session} onClose={close} />}
      {asked === "database" && <CreateDatabase session={session} onClose={close} />}
      {asked === "delete database" && <DeleteDatabase session={session} onClose={close} />}
      {asked === "tenant" && <OpenTenant session={session} onClose={close} />}
    </nav>
  );
}

/** Where there is room for both, the summary does not show. */
function foldIfNarrow(branches: HTMLDetailsElement): void {
  if (branches.querySelector("summary")!.checkVisibility()) branches.open = false;
}

function TenantBranch({ session, tenant }: { session: Session; tenant: string }) {
  const list = useLoaded(() => session.admin.listDatabases({ tenant, limit: LISTED_MAX }), [session, tenant, session.changes]);
  return (
    <li>
      <span class="tenant">{tenant}</span>
      {list.error !== undefined && <p class="fault">{messageOf(list.error)}</p>}
      <ul>
        {list.value?.map(({ name }) => {
          const isOpen = tenant === session.client.tenant && name === session.client.database;
          return (
            <li key={name}>
              <button type="button" class="database" aria-expanded={isOpen} onClick={() => session.openDatabase(tenant, name)}>
                <span aria-hidden="true">{isOpen ? "▾" : "▸"}</span> {name}
              </button>
              {isOpen && <Collections key={`${tenant} ${name}`} session={session} />}
            </li>
          );
        })}
      </ul>
    </li>
  );
}

function Collections({ session }: { session: Session }) {
  const list = useLoaded(() => listed(session), [session.client, session.changes]);
  if (list.error !== undefined) return <p class="fault">{messageOf(list.error)}</p>;
  if (list.value?.length === 0) return <p class="empty">No collections.</p>;
  return (
    <ul>
      {list.value?.map(({ collection, records }) => (
        <li key={collection.id}>
          <button
            type="button"
            class="collection"
            aria-current={session.collection?.id === collection.id}
            onClick={() => session.openCollection(collection)}
          >
            <span class="name">{collection.name}</span>
            <small>
              {records === null ? "" : figure(records)}
              {collection.dimension === undefined ? "" : ` × ${collection.dimension}`}
            </small>
          </button>
        </li>
      ))}
    </ul>
  );
}

/**
 * The one that is chosen is put in its place again, as it is now, or left where it is gone. One that was chosen meanwhile may be younger
 * than the list.
 */
async function listed(session: Session): Promise<Listed[]> {
  const { client, collection: chosen } = session;
  const collections = await client.listCollections({ limit: LISTED_MAX });
  const records = await Promise.all(collections.map((collection, i) => (i < COUNTED_MAX ? countOf(collection) : null)));
  const isSame = client === session.client && chosen?.id === session.collection?.id;
  if (chosen !== null && isSame) session.openCollection(collections.find(({ id }) => id === chosen.id) ?? null);
  return collections.map((collection, i) => ({ collection, records: records[i]! }));
}

/** One that cannot be read does not hide the others: opening it tells what is wrong. */
const countOf = (collection: Collection): Promise<number | null> => collection.count().catch(() => null);
