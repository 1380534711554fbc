/** The worker that reads files, one after the other, as the page asks for them. */
import { type FilePassage, reasonOf } from "./file-passage.js";
import type { Answer, Request } from "./messages.js";
import { readOne } from "./read-one.js";

/** Passages of one message: so few that taking it costs the page no time that anybody sees. */
const passagesAtOnce = 200;
const digestBytes = 6;

addEventListener("message", ({ data, ports: [port] }: MessageEvent) => {
  if (data !== "files" || port === undefined) return;
  port.onmessage = ({ data: file }: MessageEvent<Request>) => void answer(file, port);
});

async function answer(file: File, port: MessagePort): Promise<void> {
  const say = (message: Answer): void => port.postMessage(message);
  try {
    for await (const { passages, ...part } of readOne(file)) {
      say({ part: { ...part, passages: [] } });
      for (const some of slicesOf(passages)) say({ part: { passages: some } });
    }
    say({ end: true, digest: await digestOf(file) });
  } catch (error) {
    say({ refused: reasonOf(error) });
  }
}

async function digestOf(file: File): Promise<string> {
  const bytes = new Uint8Array(await crypto.subtle.digest("SHA-256", await file.arrayBuffer()));
  return Array.from(bytes.subarray(0, digestBytes), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function* slicesOf(passages: readonly FilePassage[]): Generator<FilePassage[]> {
  for (let start = 0; start < passages.length; start += passagesAtOnce) yield passages.slice(start, start + passagesAtOnce);
}
