/** Parts of the page that are fetched when they are needed. */

/** One that was not fetched: there is no network and the part was not kept, or a newer page has taken the place of this one. */
export class PartMissing extends Error {
  override name = "PartMissing";
}

/** The part, or an error that says in the reader's words which one is missing. */
export async function fetchPart<T>(name: string, part: Promise<T>): Promise<T> {
  try {
    return await part;
  } catch (cause) {
    throw new PartMissing(`${name} could not be loaded`, { cause });
  }
}
