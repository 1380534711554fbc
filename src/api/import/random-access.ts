/**
 * A source whose bytes can be read anywhere, for formats that begin at their end: a file, a URL whose server gives ranges, or what came as
 * a stream and was put aside by the browser, which keeps large blobs on disk.
 */
import { invalidArgument, show } from "../../core/errors.js";

export interface RandomAccess {
  readonly size: number;
  /** Exactly these bytes, which lie within the source. */
  read(start: number, end: number): Promise<Uint8Array<ArrayBuffer>>;
}

export function accessBlob(blob: Blob): RandomAccess {
  return { size: blob.size, read: async (start, end) => new Uint8Array(await blob.slice(start, end).arrayBuffer()) };
}

/** `null` where the server does not give ranges. */
export async function accessUrl(url: string | URL, signal: AbortSignal | undefined): Promise<RandomAccess | null> {
  const size = await sizeOf(url, signal);
  if (size === null) return null;
  const read = async (start: number, end: number): Promise<Uint8Array<ArrayBuffer>> => {
    const response = await fetchRange(url, start, end, signal);
    const bytes = response.status === 206 ? new Uint8Array(await response.arrayBuffer()) : null;
    if (bytes?.length === end - start) return bytes;
    const got = bytes === null ? `status ${response.status}` : `${bytes.length} bytes`;
    throw invalidArgument(`${show(String(url))} was asked for the bytes ${start} to ${end - 1}, and answered with ${got}`);
  };
  return { size, read };
}

function fetchRange(url: string | URL, start: number, end: number, signal: AbortSignal | undefined): Promise<Response> {
  return fetch(url, { signal, headers: { Range: `bytes=${start}-${end - 1}` } });
}

/** By what a range says of the whole. Servers of other origins say it where they expose `Content-Range`. */
async function sizeOf(url: string | URL, signal: AbortSignal | undefined): Promise<number | null> {
  const response = await fetchRange(url, 0, 1, signal);
  await response.body?.cancel();
  const size = /^bytes 0-0\/(\d+)$/.exec(response.headers.get("Content-Range") ?? "")?.[1];
  return response.status === 206 && size !== undefined ? Number(size) : null;
}
