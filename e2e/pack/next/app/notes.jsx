"use client";
import { useEffect } from "react";
import { TidepoolClient } from "tidepool-db";
import { TidepoolProvider, useCollection, useIngest, useLiveQuery } from "tidepool-db/react";
import { SentenceEncoder } from "tidepool-db/sentence-encoder";
import { exerciseEncoder } from "../exercise-encoder.js";

export function Notes() {
  useEffect(() => {
    globalThis.packed = exerciseEncoder({ TidepoolClient, SentenceEncoder });
  }, []);
  return (
    <TidepoolProvider options={{ path: "next" }}>
      <Latest />
    </TidepoolProvider>
  );
}

function Latest() {
  const { collection, error } = useCollection("notes");
  const live = useLiveQuery(collection, { get: { limit: 10 } });
  const { ingest } = useIngest(collection);
  return (
    <button type="button" disabled={!collection} onClick={() => ingest({ ids: ["ebb"], documents: ["The ebb uncovers the pools."] })}>
      {`notes: ${(error ?? live.error)?.message ?? live.results?.ids.join(" ") ?? ""}`}
    </button>
  );
}
