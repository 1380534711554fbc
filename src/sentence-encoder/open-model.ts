/** Fetches the encoder's kernel and model, in its worker. Errors say of which file they speak, and what can be done. */
import { TidepoolError } from "../core/errors.js";
import { asError } from "../worker/protocol.js";
import { type Encoder, openEncoder } from "./encoder.js";
import type { LoadProgress } from "./load-progress.js";

/** Brings a file; the expressions that name ours are in the worker's entry, where bundlers look for them. */
export type FetchFile = () => Promise<Response>;

/**
 * The encoder over the kernel and the model.
 *
 * @throws `EMBEDDING_FUNCTION` when a file cannot be had or is another one, `NOT_SUPPORTED` where there is no WebAssembly with SIMD.
 */
export async function openModel(
  fetchKernel: FetchFile,
  fetchModel: FetchFile,
  onProgress: (progress: LoadProgress) => void,
): Promise<Encoder> {
  const [kernel, model] = await Promise.all([compiled(fetchKernel), fetched(fetchModel, "model")]);
  try {
    return await openEncoder(kernel, model.body!, onProgress);
  } catch (error) {
    throw unloadable("model", model.url, asError(error));
  }
}

async function compiled(fetchKernel: FetchFile): Promise<WebAssembly.Module> {
  const response = await fetched(fetchKernel, "kernel");
  const bytes = await response.arrayBuffer();
  try {
    return await WebAssembly.compile(bytes);
  } catch (cause) {
    const message =
      `The sentence encoder needs WebAssembly with SIMD, which this browser lacks or the page's content security policy forbids ` +
      `(it takes 'wasm-unsafe-eval'): ${asError(cause).message}`;
    throw new TidepoolError("NOT_SUPPORTED", message, { cause });
  }
}

async function fetched(fetchFile: FetchFile, what: "kernel" | "model"): Promise<Response> {
  let response: Response;
  try {
    response = await fetchFile();
  } catch (error) {
    throw unloadable(what, "", asError(error));
  }
  if (!response.ok) throw unloadable(what, response.url, new Error(`the server answers with status ${response.status}`));
  return response;
}

function unloadable(what: "kernel" | "model", url: string, cause: Error): TidepoolError {
  const from = url === "" ? "" : ` from ${url}`;
  const help = what === "model" ? "; serve sentence-encoder.bin of the package's dist there, or say by modelUrl where it is" : "";
  return new TidepoolError("EMBEDDING_FUNCTION", `The ${what} of the sentence encoder cannot be loaded${from}: ${cause.message}${help}`, {
    cause,
  });
}
