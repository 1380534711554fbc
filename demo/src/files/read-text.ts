/** Markdown and plain text. */
import { cutMarkdown, cutText } from "./cut-text.js";
import { decode } from "./decode.js";
import type { Part, Reader } from "./file-passage.js";

export const readMarkdown: Reader = async function* (bytes, name): AsyncGenerator<Part> {
  const { text, note } = decode(bytes, name);
  yield { passages: await cutMarkdown(text), note };
};

export const readPlain: Reader = async function* (bytes, name): AsyncGenerator<Part> {
  const { text, note } = decode(bytes, name);
  yield { passages: await cutText(text), note };
};
