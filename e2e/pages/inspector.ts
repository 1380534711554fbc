/** An inspector in an otherwise empty page, and databases for it to show. */
import { TidepoolClient, type TidepoolClientOptions } from "tidepool-db";
import "tidepool-db/inspector";

declare global {
  /** In the page: the client of the inspector that `showClient` has made. */
  var inspected: TidepoolClient;
}

const TOPICS = ["tides", "rock pools", "seabirds", "kelp", "harbours"];
const SENTENCES = [
  "Spring tides follow the new moon and the full moon, when sun and moon pull along one line.",
  "A limpet returns to its home scar before the tide uncovers the rock.",
  "Knots and dunlin feed where the ebb has left the mud wet.",
  "Kelp forests break the swell before it reaches the shore.",
  "The harbour dries out at low water, and boats settle on their keels.",
];

/** A database with a few collections: documents with metadata, embedded by the built-in function, and others. */
export async function seed(options: TidepoolClientOptions): Promise<void> {
  const client = new TidepoolClient(options);
  const notes = await client.getOrCreateCollection({ name: "field-notes", metadata: { language: "en" } });
  const numbers = Array.from({ length: 240 }, (_, i) => i);
  await notes.upsert({
    ids: numbers.map((n) => `note-${String(n).padStart(3, "0")}`),
    documents: numbers.map((n) => `${SENTENCES[n % 5]} Observation ${n}.`),
    metadatas: numbers.map((n) => ({ topic: TOPICS[n % 5]!, year: 2015 + (n % 11), verified: n % 3 === 0 })),
    uris: numbers.map((n) => `https://shore.example/notes/${n}`),
  });
  await seedMany(client, 1000, "sensor-readings");
  await client.getOrCreateCollection({ name: "drafts" });
  await client.close();
}

/** As many small records as are asked for, without documents to embed. */
export async function seedMany(client: TidepoolClient, count: number, name: string): Promise<void> {
  const collection = await client.getOrCreateCollection({ name, embeddingFunction: null });
  const numbers = Array.from({ length: count }, (_, i) => i);
  await collection.upsert({
    ids: numbers.map((n) => `reading-${n}`),
    embeddings: numbers.map((n) => [Math.sin(n), Math.cos(n), (n % 97) / 97, 1]),
    documents: numbers.map((n) => `reading ${n} of buoy ${n % 12}`),
    metadatas: numbers.map((n) => ({ buoy: n % 12, height: Number((1 + Math.sin(n / 50)).toFixed(3)) })),
  });
}

/** Puts an inspector into the page that opens the path itself. */
export async function showPath(path: string): Promise<void> {
  const inspector = document.createElement("tidepool-inspector");
  inspector.path = path;
  show(inspector);
}

/** Puts an inspector into the page for a client, which is left in the global `inspected`. */
export async function showClient(options: TidepoolClientOptions): Promise<void> {
  const inspector = document.createElement("tidepool-inspector");
  const client = new TidepoolClient(options);
  inspector.client = client;
  Object.assign(globalThis, { inspected: client });
  show(inspector);
}

function show(inspector: HTMLElement): void {
  document.documentElement.lang = "en";
  document.documentElement.style.colorScheme = "light dark";
  document.body.style.margin = "0";
  document.body.replaceChildren(inspector);
}
