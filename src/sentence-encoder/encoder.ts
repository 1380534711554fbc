/**
 * The model, loaded and ready to embed: its file is read into the kernel's memory as it comes, and texts go through it window by
 * window.
 */
import { TidepoolError } from "../core/errors.js";
import type { Model } from "../model-worker/model-service.js";
import { type EncoderKernel, EncoderMemory, layoutFor } from "./encoder-memory.js";
import { int8Weights } from "./int8-weights.js";
import type { LoadProgress } from "./load-progress.js";
import { fileBytesOf, PREFIX_BYTES, readHeader } from "./model-file.js";
import { Tokenizer } from "./tokenizer.js";
import { PIECES_MAX, Transformer, toUnitLength } from "./transformer.js";

/** Pieces that a window has in common with the one before. */
const OVERLAP = 32;
/** Length of an embedding. */
export const DIMENSION = 512;
const PAGE_BYTES = 65_536;

/** What embeds texts. */
export class Encoder {
  readonly #tokenizer: Tokenizer;
  readonly #transformer: Transformer;

  constructor(tokenizer: Tokenizer, transformer: Transformer) {
    this.#tokenizer = tokenizer;
    this.#transformer = transformer;
  }

  /**
   * The embedding of a text, of unit length; of one with nothing to read, 512 zeros. A text of more than 128 pieces is read in
   * windows that overlap by 32, and has the mean of their embeddings, at unit length. `turn` is awaited between windows.
   */
  async embed(text: string, turn: () => Promise<void>): Promise<Float32Array> {
    const ids = this.#tokenizer.cut(text);
    if (ids.length === 0) return new Float32Array(DIMENSION);
    if (ids.length <= PIECES_MAX) return this.#transformer.embed(ids);
    const sum = new Float32Array(DIMENSION);
    for (let start = 0; start === 0 || start + OVERLAP < ids.length; start += PIECES_MAX - OVERLAP) {
      const part = this.#transformer.embed(ids.slice(start, start + PIECES_MAX));
      for (let i = 0; i < DIMENSION; i++) sum[i]! += part[i]!;
      await turn();
    }
    return toUnitLength(sum);
  }
}

/** An encoder as the worker serves it: a text at a time. */
export function textByText(encoder: Pick<Encoder, "embed">): Model {
  return {
    async embed(texts, prefix, { turn, onEmbedded }) {
      const embeddings = new Float32Array(texts.length * DIMENSION);
      for (const [i, text] of texts.entries()) {
        embeddings.set(await encoder.embed(prefix + text, turn), i * DIMENSION);
        onEmbedded(i + 1);
        await turn();
      }
      return embeddings;
    },
  };
}

/**
 * Reads the model's file into the memory of a fresh kernel.
 *
 * @throws `EMBEDDING_FUNCTION` when it is no model, or is cut short; whatever reading the stream throws.
 */
export async function openEncoder(
  kernel: WebAssembly.Module,
  file: ReadableStream<Uint8Array>,
  onProgress: (progress: LoadProgress) => void = () => {},
): Promise<Encoder> {
  const { exports } = await WebAssembly.instantiate(kernel);
  const instance = exports as unknown as EncoderKernel & { memory: WebAssembly.Memory };
  const { memory } = instance;
  const fileBytes = await readInto(memory, file, onProgress);
  const { pieces, tensors } = readHeader(memory.buffer as ArrayBuffer);
  const weights = int8Weights(new EncoderMemory(memory.buffer as ArrayBuffer, fileBytes, instance), { pieces, tensors });
  const scores = new Float32Array(memory.buffer, tensors["scores"]!.at, pieces.length);
  return new Encoder(new Tokenizer(pieces, scores), new Transformer(weights));
}

/** Puts the file at the start of the memory, which is given the room for it and for all that is worked out behind it. */
async function readInto(
  memory: WebAssembly.Memory,
  file: ReadableStream<Uint8Array>,
  onProgress: (progress: LoadProgress) => void,
): Promise<number> {
  let bytes = new Uint8Array(0);
  let [loadedBytes, totalBytes] = [0, 0];
  for await (const chunk of chunksOf(file)) {
    if (totalBytes === 0) {
      totalBytes = fileBytesOf(chunk);
      memory.grow(Math.ceil((layoutFor(totalBytes).bytes - memory.buffer.byteLength) / PAGE_BYTES));
      bytes = new Uint8Array(memory.buffer, 0, totalBytes);
    }
    if (loadedBytes + chunk.length > totalBytes) throw wrongSize(loadedBytes + chunk.length, totalBytes);
    bytes.set(chunk, loadedBytes);
    loadedBytes += chunk.length;
    onProgress({ loadedBytes, totalBytes });
  }
  if (totalBytes === 0 || loadedBytes < totalBytes) throw wrongSize(loadedBytes, totalBytes);
  return totalBytes;
}

/** The stream's chunks, of which the first has the file's first bytes together. */
async function* chunksOf(file: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = file.getReader();
  let first: Uint8Array | null = new Uint8Array(0);
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      if (first === null) yield value;
      else {
        first = joined(first, value);
        if (first.length < PREFIX_BYTES) continue;
        yield first;
        first = null;
      }
    }
    if (first !== null && first.length > 0) yield first;
  } finally {
    reader.releaseLock();
  }
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}

function wrongSize(bytes: number, expected: number): TidepoolError {
  return new TidepoolError("EMBEDDING_FUNCTION", `it has ${bytes} bytes, and ${expected || "more"} were expected: it is not whole`);
}
