/** The inspector as a whole: the tree at its side, what is chosen beside it, and what there is to tell. */
import { CollectionView } from "./collection-view.js";
import { useSession } from "./hooks.js";
import type { Session } from "./session.js";
import { StorageView } from "./storage-view.js";
import { TaskList } from "./task-list.js";
import { Tree } from "./tree.js";

export function App({ session }: { session: Session }) {
  useSession(session);
  return (
    <div class="app">
      <Tree session={session} />
      <main>
        {session.collection === null ? (
          <StorageView session={session} />
        ) : (
          <CollectionView key={session.collection.id} session={session} collection={session.collection} />
        )}
      </main>
      <NoticeBar session={session} />
    </div>
  );
}

/** Always there, so that screen readers tell what comes into it. */
function NoticeBar({ session }: { session: Session }) {
  const { notice } = session;
  return (
    <div class="notices">
      <TaskList tasks={session.tasks} />
      <div role={notice?.kind === "failed" ? "alert" : "status"}>
        {notice !== null && (
          <p class={`notice ${notice.kind}`}>
            <span>{notice.text}</span>
            <button type="button" class="icon" aria-label="Dismiss" onClick={() => session.dismiss()}>
              ✕
            </button>
          </p>
        )}
      </div>
    </div>
  );
}
