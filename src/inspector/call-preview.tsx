/** A call of the console as a program and as a request, to be copied. */
import { useState } from "preact/hooks";
import type { Collection } from "../api/collection.js";
import { type ConsoleCall, curlOf, literal, restOf, typescriptOf } from "./console-calls.js";

type Manner = "TypeScript" | "REST" | "curl";
const MANNERS: readonly Manner[] = ["TypeScript", "REST", "curl"];

interface CallPreviewProps {
  call: ConsoleCall;
  collection: Collection;
  version: number | undefined;
  embedding: number[] | null;
}

export function CallPreview({ call, collection, version, embedding }: CallPreviewProps) {
  const [manner, setManner] = useState<Manner>("TypeScript");
  const [copied, setCopied] = useState("");
  const rest = restOf(call, collection, embedding);
  const texts: Record<Manner, string> = {
    TypeScript: typescriptOf(call, collection, version),
    REST: `POST ${rest.path}\n\n${JSON.stringify(rest.body, null, 2)}`,
    curl: curlOf(rest),
  };
  const text = texts[manner];
  const copy = (): void =>
    void navigator.clipboard.writeText(text).then(
      () => setCopied(text),
      () => setCopied(""),
    );
  const notes = manner === "TypeScript" ? [] : [rest.note, needsEmbedding(call, embedding), version === undefined ? null : NO_VERSIONS];
  return (
    <section class="preview" aria-label="The call">
      <div class="actions">
        {MANNERS.map((one) => (
          <button key={one} type="button" class="toggle" aria-pressed={manner === one} onClick={() => setManner(one)}>
            {one}
          </button>
        ))}
        <button type="button" onClick={copy}>
          {copied === text ? "Copied" : "Copy"}
        </button>
      </div>
      {notes.map(
        (note) =>
          note !== null && (
            <p key={note} class="hint">
              {note}
            </p>
          ),
      )}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard */}
      <pre tabIndex={0}>{shortened(text)}</pre>
    </section>
  );
}

const NO_VERSIONS = "The REST API reads the present only.";

function needsEmbedding(call: ConsoleCall, embedding: number[] | null): string | null {
  const asksText =
    (call.method === "query" && call.args.queryTexts !== undefined) || (call.method === "hybrid" && !call.args.queryEmbedding);
  return asksText && embedding === null ? "Run it once, and the embedded query stands here." : null;
}

/** Vectors of more than eight numbers, which nobody reads; copied they are whole. */
function shortened(text: string): string {
  return text.replace(/\[\s*((?:-?[\d.e+-]+,\s*){3})(?:-?[\d.e+-]+,?\s*){6,}\]/g, (vector, first: string) => {
    const length = vector.split(",").length;
    return `[${literal(first.split(",").slice(0, 3).map(Number)).slice(1, -1)}, … ${length} numbers]`;
  });
}
