/** What a call of the console has found, and how long it took. */
import { inOneLine } from "./console-calls.js";
import type { Hit, Outcome } from "./console-run.js";
import { count, milliseconds } from "./format.js";

export function ConsoleResults({ outcome }: { outcome: Outcome }) {
  const { hits, measured } = outcome;
  return (
    <section aria-label="Results">
      <p class="times" role="status">
        <strong>{count(hits.length, "hit")}</strong> {timesOf(outcome)}
      </p>
      {hits.length > 0 && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard
        <section class="results" tabIndex={0} aria-label="Table of results, scrolls">
          <table>
            <thead>
              <tr>
                <th scope="col">ID</th>
                <th scope="col" class="number">
                  {measured}
                </th>
                <th scope="col">Why</th>
                <th scope="col">Document</th>
                <th scope="col">Metadata</th>
              </tr>
            </thead>
            <tbody>
              {hits.map((hit) => (
                <HitRow key={hit.id} hit={hit} />
              ))}
            </tbody>
          </table>
        </section>
      )}
    </section>
  );
}

function HitRow({ hit }: { hit: Hit }) {
  return (
    <tr>
      <th scope="row">{hit.id}</th>
      <td class="number">{hit.measure == null ? "" : Number(hit.measure.toPrecision(6))}</td>
      <td>
        {hit.reasons.map((reason) => (
          <span key={reason} class="reason">
            {reason}
          </span>
        ))}
      </td>
      <td class="long">{hit.document?.slice(0, 400)}</td>
      <td class="code">{hit.metadata == null ? "" : inOneLine(hit.metadata)}</td>
    </tr>
  );
}

function timesOf({ embedMs, answerMs, engineMs, embedding }: Outcome): string {
  const embedded = embedding === null ? "" : `, after ${milliseconds(embedMs)} of embedding`;
  return `in ${milliseconds(answerMs)} as the page sees it, ${milliseconds(engineMs)} of it in the engine${embedded}`;
}
