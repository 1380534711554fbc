/** Answers that come in parts, put together. Each part is pulled when the one before is in place, so the page has its turns between. */
import type { AnswerPart, CutAnswer, HostSession, Piece } from "../worker/protocol.js";

/** The answer, once all of it is here. */
export async function wholeAnswer(session: Pick<HostSession, "more">, answer: Promise<unknown>): Promise<unknown> {
  const first = (await answer) as CutAnswer | null | undefined;
  if (first?.cut === undefined) return first;
  for (let part: AnswerPart = first; ; ) {
    const next = part.isLast ? null : session.more(first.cut);
    for (const piece of part.pieces) put(first.root, piece);
    if (next === null) return first.root.value;
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
