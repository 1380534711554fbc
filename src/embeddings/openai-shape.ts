/** Providers that answer as OpenAI does. */
import type { Vector } from "../api/embedding-function.js";
import { RemoteEmbeddingFunction, type RemoteOptions } from "./remote-embedding-function.js";

/** Answers of this shape: numbers, or float32 in base64, which is a quarter as long. */
export abstract class OpenAIShapedFunction<Options extends RemoteOptions> extends RemoteEmbeddingFunction<Options> {
  /** @internal */
  protected vectorsIn(answer: unknown): Vector[] {
    const { data } = answer as { data: { embedding: number[] | string }[] };
    return data.map(({ embedding }) => (typeof embedding === "string" ? float32Of(embedding) : embedding));
  }
}

/** Where the embeddings of a server of this shape are. */
export function embeddingsUrl(base: string): string {
  return `${base.replace(/\/+$/, "")}/embeddings`;
}

/** Little-endian, whatever the machine. */
function float32Of(base64: string): Float32Array {
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  const view = new DataView(bytes.buffer);
  return Float32Array.from({ length: bytes.length >> 2 }, (_, i) => view.getFloat32(4 * i, true));
}
