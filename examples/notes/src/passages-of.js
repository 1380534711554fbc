/** Files as records: each passage of a file is one, found under the file's name and its place in it. */
import { chunk } from "tidepool-db";

export async function passagesOf(files) {
  const records = { ids: [], documents: [], metadatas: [] };
  for (const file of files) {
    for (const [place, { text, headings }] of (await chunk(await file.text(), { maxTokens: 160 })).entries()) {
      records.ids.push(`${file.name}#${place}`);
      records.documents.push(text);
      records.metadatas.push({ file: file.name, heading: headings.join(" › ") });
    }
  }
  return records;
}
