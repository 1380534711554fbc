/** Earlier versions and forks: to be read, and copied. */
import { useState } from "preact/hooks";
import type { Collection } from "../api/collection.js";
import { FormDialog } from "./dialog.js";
import { count, figure } from "./format.js";
import { useLoaded } from "./hooks.js";
import { ScrollingPage } from "./menu.js";
import { messageOf, type Session } from "./session.js";

interface VersionsProps {
  session: Session;
  collection: Collection;
}

export function VersionsView({ session, collection }: VersionsProps) {
  const [isForking, setForking] = useState(false);
  const forks = useLoaded(() => collection.forkCount(), [collection.id, session.changes]);
  const fork = (data: FormData): Promise<boolean> =>
    session.attempt(async () => {
      const made = await collection.fork({ name: String(data.get("name")).trim() });
      session.openCollection(made);
      return `Forked ${collection.name} as ${made.name}`;
    });
  return (
    <ScrollingPage label="Versions and forks">
      <section>
        <h3>Forks</h3>
        <p class="hint">
          A fork begins with all that the collection holds now, and shares what is stored until either is written to.
          {forks.value !== undefined && ` Of the same origin: ${count(forks.value, "fork")}.`}
        </p>
        <div class="actions">
          <button type="button" onClick={() => setForking(true)}>
            Fork
          </button>
        </div>
      </section>
      <VersionTable session={session} collection={collection} />
      {isForking && (
        <FormDialog title={`Fork ${collection.name}`} action="Fork collection" onSubmit={fork} onClose={() => setForking(false)}>
          <label class="field">
            Name
            <input name="name" required autocomplete="off" spellcheck={false} />
          </label>
        </FormDialog>
      )}
    </ScrollingPage>
  );
}

function VersionTable({ session, collection }: VersionsProps) {
  const versions = useLoaded(() => collection.listVersions(), [collection.id, session.changes]);
  const list = [...(versions.value ?? [])].reverse();
  return (
    <section>
      <h3>Versions</h3>
      <p class="hint">
        Each compaction publishes one. How many are kept is the client’s option retainVersions. The latest writes may be in none yet.
      </p>
      {versions.error !== undefined && <p class="fault">{messageOf(versions.error)}</p>}
      {versions.value?.length === 0 && <p class="hint">None is published yet.</p>}
      {list.length > 0 && (
        <table class="plain">
          <thead>
            <tr>
              <th scope="col">Version</th>
              <th scope="col">Records</th>
              <th scope="col">Contains the log up to</th>
              <th scope="col">
                <span class="visually-hidden">Actions</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {list.map(({ version, count: records, logOffset }) => (
              <tr key={version}>
                <th scope="row">{figure(version)}</th>
                <td>{figure(records)}</td>
                <td>{figure(logOffset)}</td>
                <td>
                  <button type="button" onClick={() => session.openVersion(version)}>
                    Open<span class="visually-hidden"> version {version}</span>
                  </button>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}

/** Stands above the views while an earlier version is read. */
export function VersionBanner({ session }: { session: Session }) {
  if (session.version === undefined) return null;
  return (
    <p class="banner">
      <span>Version {session.version}: it can be read, not changed.</span>
      <button type="button" onClick={() => session.openVersion(undefined)}>
        Back to the present
      </button>
    </p>
  );
}
