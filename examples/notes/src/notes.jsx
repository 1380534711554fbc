/** The whole app: files come in, a question finds passages as it is typed, and a model may make an answer of them. */
import { useState } from "react";
import { useCollection, useIngest, useLiveQuery } from "tidepool-db/react";
import { SentenceEncoder } from "tidepool-db/sentence-encoder";
import { Answer } from "./answer-view.jsx";
import { passagesOf } from "./passages-of.js";

const embeddingFunction = new SentenceEncoder();

export function Notes() {
  const [question, setQuestion] = useState("");
  const { collection, error } = useCollection({ name: "passages", embeddingFunction });
  const { ingest, isIngesting, done, total, error: failure } = useIngest(collection);
  const { results: count } = useLiveQuery(collection, { count: {} });
  const { results } = useLiveQuery(collection, question.trim() ? { hybrid: { queryText: question, nResults: 4 } } : null);
  const found = question.trim() && results ? results.rows() : [];
  const addFiles = async (files) => ingest(await passagesOf(files));

  return (
    <>
      <h1>Ask your notes</h1>
      <label>
        Add text and Markdown files{" "}
        <input
          type="file"
          multiple
          accept=".txt,.md"
          disabled={isIngesting || count === undefined}
          onChange={(event) => void addFiles([...event.target.files])}
        />
      </label>
      <p role="status">{isIngesting ? `${done} of ${total} passages` : count === undefined ? "Opening…" : `${count} passages`}</p>
      {(error ?? failure) && <p role="alert">{(error ?? failure).message}</p>}
      <label>
        Question <input type="search" value={question} onChange={(event) => setQuestion(event.target.value)} />
      </label>
      {found.map(({ id, document, metadata, text, dense }) => (
        <blockquote key={id}>
          <p>{document}</p>
          <footer>
            {metadata.file} · {[dense && `meaning ${dense.rank}`, text && `words ${text.rank}`].filter(Boolean).join(", ")}
          </footer>
        </blockquote>
      ))}
      {found.length > 0 && <Answer question={question} passages={found.map(({ document }) => document)} />}
    </>
  );
}
