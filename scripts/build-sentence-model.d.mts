export const WEIGHTS_PACKAGE: string;
export function ensureSentenceModel(): Promise<string>;
export function readFloatWeights(): Promise<{
  pieces: [piece: string, score: number][];
  weights: Map<string, { shape: number[]; values: Float32Array }>;
}>;
export function namesOfWeights(): {
  matrices: Record<string, [kernel: string, bias: string]>;
  norms: Record<string, { scale: string; bias: string }>;
  embeddings: string;
  frequencies: string;
};
