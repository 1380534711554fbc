/** The bytes of a page of a Parquet file, unpacked. What few files need is loaded when one does. */
import type { CompressionCodec } from "hyparquet";
import { snappyUncompress } from "hyparquet/src/snappy.js";
import { part } from "../part.js";

/** To exactly `length` bytes. Throws where they are not so many. */
export async function unpackPage(bytes: Uint8Array, length: number, codec: CompressionCodec): Promise<Uint8Array> {
  const page = await unpack(bytes, length, codec);
  if (page.length === length) return page;
  throw new Error(`a page has ${page.length} bytes, unpacked, and ${length} were promised`);
}

async function unpack(bytes: Uint8Array, length: number, codec: CompressionCodec): Promise<Uint8Array> {
  if (codec === "UNCOMPRESSED" || length === 0) return bytes;
  if (codec === "SNAPPY") return unpackSnappy(bytes, length);
  if (codec === "ZSTD") return (await part(import("./unpack-zstd.js"))).unpackZstd(bytes, length);
  const stream = codec === "GZIP" || codec === "BROTLI" ? streamFor(codec.toLowerCase()) : null;
  if (stream !== null) return unpackBy(stream, bytes, length);
  throw new Error(`it is compressed by ${codec}, which is not supported here: write the file anew with zstd, gzip or snappy`);
}

function unpackSnappy(bytes: Uint8Array, length: number): Uint8Array {
  const page = new Uint8Array(length);
  snappyUncompress(bytes, page);
  return page;
}

/** All browsers know gzip, and some of them brotli. */
function streamFor(format: string): DecompressionStream | null {
  try {
    return new DecompressionStream(format as CompressionFormat);
  } catch {
    return null;
  }
}

/** What would be longer is not unpacked further. */
async function unpackBy(stream: DecompressionStream, bytes: Uint8Array, length: number): Promise<Uint8Array> {
  const page = new Uint8Array(length);
  const reader = new Blob([bytes as Uint8Array<ArrayBuffer>]).stream().pipeThrough(stream).getReader();
  let at = 0;
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    if (at + part.value.length > length) {
      await reader.cancel();
      throw new Error(`a page has more than the ${length} bytes that were promised`);
    }
    page.set(part.value, at);
    at += part.value.length;
  }
  return page.subarray(0, at);
}
