/** Answers as JSON. The page could do nothing else while a large one is turned into text in one piece. */
import { jsonParts } from "../../core/base/json-parts.js";
import { Slice } from "../slice.js";

/** The body of an answer: a small one is a text, a large one is written while it is read, and gives the page its turns. */
export function jsonBody(value: unknown): string | ReadableStream<Uint8Array> {
  const parts = jsonParts(value);
  const first = parts.next();
  const second = first.done ? first : parts.next();
  if (second.done) return first.value ?? "";
  const begun = [first.value as string, second.value];
  const encoder = new TextEncoder();
  const slice = new Slice();
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      await slice.tick();
      const part = begun.shift() ?? parts.next().value;
      if (part === undefined) controller.close();
      else controller.enqueue(encoder.encode(part));
    },
    cancel() {
      parts.return();
    },
  });
}
