/**
 * PDF: the text of its pages, each passage with the number of its page. Both parts of PDF.js run in this thread, which is a worker
 * already; scripts, fonts and pictures of the document are left alone.
 */
import type { TextItem } from "pdfjs-dist/types/src/display/api.js";
import { cutText } from "./cut-text.js";
import { FileError, type Part, type Reader, reasonOf } from "./file-passage.js";

/** A gap of more than so many line heights begins a paragraph. */
const paragraphGap = 1.6;

export const readPdf: Reader = async function* (bytes, name): AsyncGenerator<Part> {
  const task = await open(bytes);
  try {
    const pdf = await task.promise;
    let letters = 0;
    for (let number = 1; number <= pdf.numPages; number++) {
      const page = await pdf.getPage(number);
      const { items } = await page.getTextContent();
      const passages = await cutText(textOf(items.filter((item): item is TextItem => "str" in item)));
      page.cleanup();
      letters += passages.length;
      yield { passages: passages.map((passage) => ({ ...passage, fields: { page: number } })), fraction: number / pdf.numPages };
    }
    if (letters === 0) throw new FileError(`${name} holds no text; its pages may be pictures, as a scanner makes them.`);
  } catch (error) {
    throw refusal(error, name);
  } finally {
    await task.destroy();
  }
};

async function open(bytes: Uint8Array) {
  const [{ getDocument, VerbosityLevel }] = await Promise.all([
    import("pdfjs-dist/legacy/build/pdf.mjs"),
    // Leaves its part in a global variable, where the other looks for it before it would start a worker.
    import("pdfjs-dist/legacy/build/pdf.worker.mjs" as string),
  ]);
  return getDocument({
    data: bytes,
    verbosity: VerbosityLevel.ERRORS,
    disableFontFace: true,
    useSystemFonts: false,
    isEvalSupported: false,
  });
}

function refusal(error: unknown, name: string): FileError {
  if (error instanceof FileError) return error;
  const kind = error instanceof Error ? error.name : "";
  if (kind === "PasswordException") return new FileError(`${name} is protected by a password.`);
  if (kind === "InvalidPDFException") return new FileError(`${name} is damaged, or is no PDF.`);
  return new FileError(`${name} cannot be read as PDF: ${reasonOf(error)}`);
}

/** The text of a page: a larger gap between lines is between paragraphs, a word that was divided at the end of a line is joined. */
function textOf(items: readonly TextItem[]): string {
  let text = "";
  let last: TextItem | undefined;
  for (const item of items) {
    if (last !== undefined && isApart(last, item)) text += "\n";
    text += item.str + (item.hasEOL ? "\n" : "");
    if (item.str.trim() !== "") last = item;
  }
  return text.replace(/(\p{Ll})-\n(\p{Ll})/gu, "$1$2");
}

function isApart(above: TextItem, below: TextItem): boolean {
  const gap = Math.abs(above.transform[5] - below.transform[5]);
  return gap > paragraphGap * Math.max(above.height, below.height, 1);
}
