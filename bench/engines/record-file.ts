/** Columns of records in IndexedDB, in a few large values: the cheapest durable form that a page can write without a database. */
import { type IDBPDatabase, openDB } from "idb";

/** Values much larger than this are more than Chromium takes. */
const ROWS_PER_VALUE = 10_000;
const STORE = "columns";

export interface StoredColumns {
  ids: string[];
  documents: string[];
  metadatas: object[];
  /** Row-major; absent where something else keeps them. */
  vectors?: Float32Array;
}

function open(name: string): Promise<IDBPDatabase> {
  return openDB(`bench-${name}`, 1, { upgrade: (database) => void database.createObjectStore(STORE) });
}

export async function saveColumns(name: string, { ids, documents, metadatas, vectors }: StoredColumns): Promise<void> {
  const database = await open(name);
  const width = (vectors?.length ?? 0) / ids.length;
  const transaction = database.transaction(STORE, "readwrite", { durability: "strict" });
  await transaction.store.clear();
  for (let start = 0; start < ids.length; start += ROWS_PER_VALUE) {
    const end = start + ROWS_PER_VALUE;
    const part: StoredColumns = {
      ids: ids.slice(start, end),
      documents: documents.slice(start, end),
      metadatas: metadatas.slice(start, end),
    };
    await transaction.store.put(vectors === undefined ? part : { ...part, vectors: vectors.slice(start * width, end * width) }, start);
  }
  await transaction.done;
  database.close();
}

export async function loadColumns(name: string): Promise<StoredColumns[]> {
  const database = await open(name);
  const parts = (await database.getAll(STORE)) as StoredColumns[];
  database.close();
  return parts;
}
