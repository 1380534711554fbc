/** Small files of the kinds that are archives or binary, made for tests. */
import { strToU8, zipSync } from "fflate";

const word = "http://schemas.openxmlformats.org/wordprocessingml/2006/main";
const office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument";
const packaged = "http://schemas.openxmlformats.org/package/2006";
const type = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml";

/** What every document of Word's has beside its text. */
const frame = {
  "[Content_Types].xml": strToU8(
    `<Types xmlns="${packaged}/content-types"><Default Extension="xml" ContentType="application/xml"/>` +
      `<Override PartName="/word/document.xml" ContentType="${type}"/></Types>`,
  ),
  "_rels/.rels": strToU8(
    `<Relationships xmlns="${packaged}/relationships">` +
      `<Relationship Id="r1" Type="${office}" Target="word/document.xml"/></Relationships>`,
  ),
  "word/styles.xml": strToU8(`<w:styles xmlns:w="${word}">${[1, 2].map(headingStyle).join("")}</w:styles>`),
};

function headingStyle(depth: number): string {
  return `<w:style w:type="paragraph" w:styleId="Heading${depth}"><w:name w:val="heading ${depth}"/></w:style>`;
}

/** A document of Word's with these paragraphs, each with the name of its style. */
export function wordOf(paragraphs: readonly (readonly [style: string, text: string])[]): Uint8Array<ArrayBuffer> {
  const body = paragraphs.map(([style, text]) => {
    const properties = style && `<w:pPr><w:pStyle w:val="${style}"/></w:pPr>`;
    return `<w:p>${properties}<w:r><w:t>${text}</w:t></w:r></w:p>`;
  });
  return zipSync({
    ...frame,
    "word/document.xml": strToU8(`<w:document xmlns:w="${word}"><w:body>${body.join("")}</w:body></w:document>`),
  });
}

/** A book in EPUB with these chapters, which its archive has in the opposite order. */
export function bookOf(chapters: readonly string[]): Uint8Array<ArrayBuffer> {
  const items = chapters.map((_, i) => `<item id="c${i}" href="text/chapter%20${i}.xhtml" media-type="application/xhtml+xml"/>`);
  const order = chapters.map((_, i) => `<itemref idref="c${i}"/>`);
  const files = chapters.map((chapter, i): [string, Uint8Array] => [
    `OEBPS/text/chapter ${i}.xhtml`,
    strToU8(`<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"><body>${chapter}</body></html>`),
  ]);
  return zipSync({
    "META-INF/container.xml": strToU8('<container><rootfiles><rootfile full-path="OEBPS/book.opf"/></rootfiles></container>'),
    "OEBPS/book.opf": strToU8(`<package><manifest>${items.join("")}</manifest><spine>${order.join("")}</spine></package>`),
    ...Object.fromEntries(files.reverse()),
  });
}

/** A PDF of pages of lines. */
export function pdfOf(pages: readonly (readonly string[])[]): Uint8Array<ArrayBuffer> {
  const fontId = 3;
  const firstId = 4;
  const objects = [
    "<< /Type /Catalog /Pages 2 0 R >>",
    `<< /Type /Pages /Count ${pages.length} /Kids [${pages.map((_, i) => `${firstId + 2 * i} 0 R`).join(" ")}] >>`,
    "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
  ];
  for (const [i, lines] of pages.entries()) {
    const drawn = `BT /F1 12 Tf 14 TL 72 720 Td ${lines.map((line) => `(${line}) Tj T*`).join(" ")} ET`;
    const contents = `/Contents ${firstId + 2 * i + 1} 0 R`;
    objects.push(
      `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] ${contents} /Resources << /Font << /F1 ${fontId} 0 R >> >> >>`,
      `<< /Length ${drawn.length} >>\nstream\n${drawn}\nendstream`,
    );
  }
  return strToU8(pdfFile(objects)) as Uint8Array<ArrayBuffer>;
}

/** Objects with their numbers, and the table of where each begins. */
function pdfFile(objects: readonly string[]): string {
  let file = "%PDF-1.4\n";
  const offsets = objects.map((object, i) => {
    const offset = file.length;
    file += `${i + 1} 0 obj\n${object}\nendobj\n`;
    return offset;
  });
  const table = offsets.map((offset) => `${String(offset).padStart(10, "0")} 00000 n \n`).join("");
  const size = objects.length + 1;
  const trailer = `trailer\n<< /Size ${size} /Root 1 0 R >>\nstartxref\n${file.length}\n%%EOF\n`;
  return `${file}xref\n0 ${size}\n0000000000 65535 f \n${table}${trailer}`;
}
