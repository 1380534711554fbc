/** Archives in the format of zip, which Word's files and EPUB are. What would unpack to very much is refused before it does. */
import { strFromU8, unzipSync } from "fflate";
import { FileError } from "./file-passage.js";

const unpackedBytesMax = 200 * 1024 * 1024;

/** The names of what is in an archive. */
export function listArchive(bytes: Uint8Array, name: string): string[] {
  const names: string[] = [];
  let unpacked = 0;
  unzip(bytes, name, ({ name: entry, originalSize }) => {
    names.push(entry);
    unpacked += originalSize;
    return false;
  });
  if (unpacked > unpackedBytesMax) {
    throw new FileError(`${name} would unpack to ${Math.round(unpacked / 1024 / 1024)} MB, more than the demo takes.`);
  }
  return names;
}

/** The texts of these entries, by name; those that are not there are left out. */
export function readEntries(bytes: Uint8Array, name: string, wanted: ReadonlySet<string>): Map<string, string> {
  const found = unzip(bytes, name, (entry) => wanted.has(entry.name));
  return new Map(Object.entries(found).map(([entry, content]) => [entry, strFromU8(content)]));
}

function unzip(bytes: Uint8Array, name: string, filter: (entry: { name: string; originalSize: number }) => boolean) {
  try {
    return unzipSync(bytes, { filter });
  } catch {
    throw new FileError(`${name} is damaged, or is not what its name says.`);
  }
}
