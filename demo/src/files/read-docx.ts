/** Word's .docx files: their text with its headings, lists and tables. */
import mammoth from "mammoth";
import { listArchive } from "./archive.js";
import { cutMarkdown } from "./cut-text.js";
import { FileError, type Part, type Reader, reasonOf } from "./file-passage.js";
import { markdownOf } from "./read-html.js";

export const readDocx: Reader = async function* (bytes, name): AsyncGenerator<Part> {
  if (!listArchive(bytes, name).includes("word/document.xml")) throw new FileError(`${name} is not a document of Word's.`);
  yield { passages: await cutMarkdown(markdownOf(await htmlOf(bytes, name))) };
};

async function htmlOf(bytes: Uint8Array<ArrayBuffer>, name: string): Promise<string> {
  // In Node it takes a buffer of Node's only, in a browser an ArrayBuffer only.
  const source = typeof Buffer === "undefined" ? { arrayBuffer: bytes.buffer } : { buffer: Buffer.from(bytes) };
  try {
    const ignoreImages = mammoth.images.imgElement(async () => ({ src: "" }));
    return (await mammoth.convertToHtml(source as { arrayBuffer: ArrayBuffer }, { convertImage: ignoreImages })).value;
  } catch (error) {
    throw new FileError(`${name} cannot be read as a document of Word's: ${reasonOf(error)}.`);
  }
}
