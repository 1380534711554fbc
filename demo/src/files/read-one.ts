/** Reads one file by the reader for its kind, each of which is loaded when it is first needed. Runs in a worker, and in tests. */
import { fetchPart } from "../fetch-part.js";
import { FileError, type Part, type Reader, reasonOf } from "./file-passage.js";

export const fileBytesMax = 50 * 1024 * 1024;
export const passagesMax = 50_000;

const readers: Record<string, () => Promise<Reader>> = {
  pdf: async () => (await import("./read-pdf.js")).readPdf,
  docx: async () => (await import("./read-docx.js")).readDocx,
  epub: async () => (await import("./read-epub.js")).readEpub,
  html: async () => (await import("./read-html.js")).readHtml,
  csv: async () => (await import("./read-csv.js")).readCsv,
  json: async () => (await import("./read-json.js")).readJson,
  jsonl: async () => (await import("./read-json.js")).readJsonLines,
  md: async () => (await import("./read-text.js")).readMarkdown,
  txt: async () => (await import("./read-text.js")).readPlain,
};

const otherNames: Record<string, string> = {
  htm: "html",
  xhtml: "html",
  markdown: "md",
  tsv: "csv",
  ndjson: "jsonl",
  text: "txt",
  log: "txt",
};

/** What ends the names of files that can be read, without the dot. */
export const endings: readonly string[] = [...Object.keys(readers), ...Object.keys(otherNames)];

/** Whatever goes wrong is said of the file by its name. */
export async function* readOne(file: File): AsyncGenerator<Part> {
  try {
    yield* partsOf(file);
  } catch (error) {
    throw error instanceof FileError ? error : new FileError(`${file.name} cannot be read: ${reasonOf(error)}`);
  }
}

async function* partsOf(file: File): AsyncGenerator<Part> {
  const kind = kindOf(file.name);
  if (file.size > fileBytesMax) {
    throw new FileError(`${file.name} has ${megabytes(file.size)} MB; the demo takes files of up to ${megabytes(fileBytesMax)} MB.`);
  }
  const bytes = new Uint8Array(await bytesOf(file));
  const read = await fetchPart(`What reads .${kind}`, readers[kind]!());
  let passages = 0;
  for await (const part of read(bytes, file.name)) {
    passages += part.passages.length;
    if (passages > passagesMax) {
      throw new FileError(`${file.name} makes more than ${passagesMax.toLocaleString("en")} passages, which is as many as the demo takes.`);
    }
    yield part;
  }
  if (passages === 0) throw new FileError(`${file.name} holds no text.`);
}

async function bytesOf(file: File): Promise<ArrayBuffer> {
  try {
    return await file.arrayBuffer();
  } catch (error) {
    throw new FileError(`${file.name} cannot be opened; it may be a folder, or have been moved or changed: ${reasonOf(error)}`);
  }
}

function kindOf(name: string): string {
  const ending = /\.([^.]+)$/.exec(name)?.[1]?.toLowerCase() ?? "";
  const kind = otherNames[ending] ?? ending;
  if (Object.hasOwn(readers, kind)) return kind;
  if (ending === "doc") throw new FileError(`${name} is of an old version of Word; saved as .docx it can be read.`);
  throw new FileError(`${name} is not of a kind that can be read: PDF, Word (.docx), EPUB, HTML, Markdown, text, CSV or JSON.`);
}

function megabytes(bytes: number): string {
  return (bytes / 1024 / 1024).toFixed(0);
}
