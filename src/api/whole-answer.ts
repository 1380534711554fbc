/** Answers that come in parts, put together. Each part is pulled when the one before is in place, so the page has its turns between. */
import type { AnswerPart, CutAnswer, Piece } from "../worker/protocol.js";

/** All of an answer, of which this is the first part or the whole. `more` pulls the next part of the answer that is cut so. */
export async function wholeAnswer<T>(answer: T, more: (cut: string) => Promise<AnswerPart>): Promise<T> {
  const first = answer as CutAnswer | null | undefined;
  if (first?.cut === undefined) return answer;
  for (let part: AnswerPart = first; ; ) {
    const next = part.isLast ? null : more(first.cut);
    for (const piece of part.pieces) put(first.root, piece);
    if (next === null) return first.root.value as T;
    part = await next;
  }
}

type Parent = Record<string | number, unknown>;

function put(root: object, { path, at, of, values }: Piece): void {
  const steps = path.slice();
  const key = steps.pop()!;
  const parent = steps.reduce((value, step) => value[step] as Parent, root as Parent);
  if (!ArrayBuffer.isView(values)) for (const value of values) (parent[key] as unknown[]).push(value);
  else {
    if (at === 0) parent[key] = new (values.constructor as Float32ArrayConstructor)(of);
    (parent[key] as Float32Array).set(values, at);
  }
}
