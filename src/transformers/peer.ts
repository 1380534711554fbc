/** What is used of `@huggingface/transformers`, which users install: its own types are theirs, and need not be there. */

/** A tensor. */
export interface PeerTensor {
  readonly type: string;
  readonly dims: readonly number[];
  readonly data: ArrayLike<number> | BigInt64Array;
  to(type: "float32"): PeerTensor;
}

/** Cuts a text into numbers of tokens. */
export interface PeerTokenizer {
  encode(text: string, options?: { add_special_tokens?: boolean }): number[];
  readonly model_max_length: number;
  readonly pad_token_id: number | undefined;
}

/** A model, which answers what its graph is asked for. */
export interface PeerModel {
  (inputs: Record<string, PeerTensor>): Promise<Record<string, PeerTensor | undefined>>;
  readonly config: { max_position_embeddings?: number; hidden_size?: number };
}

/** What loading tells. */
export interface PeerProgress {
  status: string;
  file?: string;
  loaded?: number;
  total?: number;
  files?: Record<string, { loaded: number; total: number }>;
}

interface FromPretrained {
  revision: string;
  progress_callback(progress: PeerProgress): void;
}

/** The module. */
export interface Peer {
  readonly env: {
    version: string;
    allowRemoteModels: boolean;
    allowLocalModels: boolean;
    localModelPath: string;
    useBrowserCache: boolean;
    useWasmCache: boolean;
    backends: { onnx: { wasm?: { wasmPaths?: string | { mjs?: string; wasm?: string } } } };
  };
  AutoTokenizer: { from_pretrained(model: string, options: FromPretrained): Promise<PeerTokenizer> };
  AutoModel: { from_pretrained(model: string, options: FromPretrained & { device: string; dtype: string }): Promise<PeerModel> };
  Tensor: new (type: "int64", data: BigInt64Array, dims: number[]) => PeerTensor;
}
