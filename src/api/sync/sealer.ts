/**
 * What leaves for a server, sealed or as it is. Sealed, a record's vector, document, metadata and URI are one document that only the key
 * opens; its id stays. The server then stores and counts, and cannot search.
 *
 *     sealed = base64(nonce (12 bytes) || AES-GCM(plain || tag))
 *     plain  = length of the text (u32, little-endian) || JSON [document, metadata, uri] || float32 numbers, little-endian
 *
 * Each is bound to its place: a record to its id and to a number that its collection's own sealed description has, so that a server
 * cannot pass one off as another.
 */
import { TidepoolError } from "../../core/errors.js";
import type { CreateCollectionRequest } from "../../core/service.js";
import type { CollectionInfo, Metadata } from "../../core/types.js";
import { toBase64 } from "../remote/base64.js";
import type { Records, SyncRecord } from "./sync-record.js";

/** What a collection is made with. */
type Creation = Pick<CreateCollectionRequest, "metadata" | "configuration" | "schema">;

export interface Sealer {
  readonly isSealing: boolean;
  /** Looks at the collection before anything is read or written; rejects where the key does not open it, or it needs one. */
  attach(info: CollectionInfo): Promise<void>;
  /** What the counterpart of a collection is made with; `null`: what it is made with itself. */
  creation(like: CollectionInfo): Promise<Creation | null>;
  /** What a collection of the server is. */
  described(info: CollectionInfo): Promise<CollectionInfo>;
  open(records: Records): Promise<Records>;
  seal(records: readonly SyncRecord[]): Promise<SyncRecord[]>;
}

/** The metadata key under which a sealed collection keeps its description. */
const DESCRIPTION = "tidepool_sealed";
const NONCE_BYTES = 12;

const sealedIn = (info: CollectionInfo): string | null => (info.metadata?.[DESCRIPTION] as string | undefined) ?? null;

/** Everything leaves as it is. */
export const unsealed: Sealer = {
  isSealing: false,
  async attach(info) {
    if (sealedIn(info) === null) return;
    throw new TidepoolError("INVALID_ARGUMENT", `The server's collection [${info.name}] is sealed: give sync the encryption.key of it`);
  },
  creation: async () => null,
  described: async (info) => info,
  open: async (records) => records,
  seal: async (records) => [...records],
};

interface Description extends Pick<CollectionInfo, "metadata" | "configuration" | "schema"> {
  /** A number by chance, that is a part of what each record is bound to. */
  salt: string;
}

/** Seals with one key, for one collection. */
export class KeySealer implements Sealer {
  readonly isSealing = true;
  readonly #key: CryptoKey;
  #description: Description | null = null;

  constructor(key: CryptoKey) {
    this.#key = key;
  }

  async attach(info: CollectionInfo): Promise<void> {
    const sealed = sealedIn(info);
    if (sealed === null) {
      const message = `The server's collection [${info.name}] is not sealed, and a sync with encryption would mix both: use another`;
      throw new TidepoolError("INVALID_ARGUMENT", message);
    }
    const text = await this.#open(sealed, DESCRIPTION, `the collection [${info.name}]`);
    this.#description = JSON.parse(new TextDecoder().decode(text)) as Description;
  }

  async creation({ metadata, configuration, schema }: CollectionInfo): Promise<Creation> {
    const description: Description = { salt: crypto.randomUUID(), metadata, configuration, schema };
    const sealed = await this.#seal(new TextEncoder().encode(JSON.stringify(description)), DESCRIPTION);
    return { metadata: { [DESCRIPTION]: sealed }, configuration: { embedding_function: null } };
  }

  async described(info: CollectionInfo): Promise<CollectionInfo> {
    const { salt: _, ...described } = this.#description!;
    return { ...info, ...described };
  }

  async open(records: Records): Promise<Records> {
    const opened: Records = new Map();
    for (const { id, document } of records.values()) {
      const what = `the record ${JSON.stringify(id)}`;
      opened.set(id, fromPlain(id, await this.#open(document ?? "", this.#placeOf(id), what)));
    }
    return opened;
  }

  async seal(records: readonly SyncRecord[]): Promise<SyncRecord[]> {
    const sealed: SyncRecord[] = [];
    for (const record of records) {
      const document = await this.#seal(toPlain(record), this.#placeOf(record.id));
      sealed.push({ id: record.id, embedding: new Float32Array([1]), document, metadata: null, uri: null });
    }
    return sealed;
  }

  #placeOf(id: string): string {
    return JSON.stringify([this.#description!.salt, id]);
  }

  async #seal(plain: Uint8Array<ArrayBuffer>, place: string): Promise<string> {
    const iv = crypto.getRandomValues(new Uint8Array(NONCE_BYTES));
    const additionalData = new TextEncoder().encode(place);
    const sealed = new Uint8Array(await crypto.subtle.encrypt({ name: "AES-GCM", iv, additionalData }, this.#key, plain));
    const bytes = new Uint8Array(NONCE_BYTES + sealed.length);
    bytes.set(iv);
    bytes.set(sealed, NONCE_BYTES);
    return toBase64(bytes);
  }

  async #open(text: string, place: string, what: string): Promise<Uint8Array<ArrayBuffer>> {
    try {
      const bytes = Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
      const iv = bytes.subarray(0, NONCE_BYTES);
      const additionalData = new TextEncoder().encode(place);
      const sealed = bytes.subarray(NONCE_BYTES);
      return new Uint8Array(await crypto.subtle.decrypt({ name: "AES-GCM", iv, additionalData }, this.#key, sealed));
    } catch (cause) {
      const why = "it was sealed with another key, for another place, or changed";
      throw new TidepoolError("FORBIDDEN", `encryption.key does not open ${what} of the server: ${why}`, { cause });
    }
  }
}

function toPlain({ embedding, document, metadata, uri }: SyncRecord): Uint8Array<ArrayBuffer> {
  const text = new TextEncoder().encode(JSON.stringify([document, metadata, uri]));
  const bytes = new Uint8Array(4 + text.length + embedding.length * 4);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, text.length, true);
  bytes.set(text, 4);
  for (const [i, value] of embedding.entries()) view.setFloat32(4 + text.length + i * 4, value, true);
  return bytes;
}

function fromPlain(id: string, bytes: Uint8Array<ArrayBuffer>): SyncRecord {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = 4 + view.getUint32(0, true);
  const text = new TextDecoder().decode(bytes.subarray(4, end));
  const [document, metadata, uri] = JSON.parse(text) as [string | null, Metadata | null, string | null];
  const embedding = Float32Array.from({ length: (bytes.length - end) / 4 }, (_, i) => view.getFloat32(end + i * 4, true));
  return { id, embedding, document, metadata, uri };
}
