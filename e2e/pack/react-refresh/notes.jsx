import { useState } from "react";
import { useCollection, useLiveQuery } from "tidepool-db/react";

/** Its state is how often it was pressed, which a reload would lose. */
export function Notes() {
  const [pressed, setPressed] = useState(0);
  const { collection, error } = useCollection({ name: "notes", embeddingFunction: null });
  const live = useLiveQuery(collection, { get: { limit: 10 } });
  const shown = (error ?? live.error)?.message ?? live.results?.ids.join(" ");
  return (
    <button type="button" onClick={() => setPressed(pressed + 1)}>
      notes {pressed}: {shown}
    </button>
  );
}
