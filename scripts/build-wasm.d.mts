export function buildWasm(): Promise<{ output: string; bytes: number; gzipBytes: number }[]>;
export function ensureWasm(name: "wasm-simd" | "wasm-relaxed-simd" | "matrix"): Promise<string>;
